import FoundationEssentials

/// `benchmark-parts`: how fast the parts are that every stored byte goes through, on one core, in MB/s; and with
/// `index DIRECTORY` what an index of a million blobs costs. As JSON.
@main
enum Parts {
  static func main() async throws {
    let arguments = CommandLine.arguments.dropFirst()
    let results =
      arguments.first == "index" && arguments.count == 2
      ? try await LargeIndex.measure(in: arguments.last ?? "") : StoredByte.measure()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    print(String(decoding: try encoder.encode(results), as: UTF8.self))
  }
}
