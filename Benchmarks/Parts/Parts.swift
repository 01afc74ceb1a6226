import FoundationEssentials
import ResticCore
import SystemPackage

/// `benchmark-parts`: how fast the parts are that every stored byte goes through, on one core, in MB/s; and with
/// `index DIRECTORY` what an index of a million blobs costs, with `snapshots DIRECTORY` what 18,000 snapshots cost. As JSON. `repository DIRECTORY`
/// makes a repository there whose password ("benchmark") costs next to nothing to check.
@main
enum Parts {
  static func main() async throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    if arguments.first == "repository", arguments.count == 2 { return try await makeRepository(in: arguments[1]) }
    let results =
      switch arguments.first {
      case "index" where arguments.count == 2: try await LargeIndex.measure(in: arguments[1])
      case "snapshots" where arguments.count == 2: try await ManySnapshots.measure(in: arguments[1])
      default: StoredByte.measure()
      }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    print(String(decoding: try encoder.encode(results), as: UTF8.self))
  }

  private static func makeRepository(in directory: String) async throws {
    var password = Array("benchmark".utf8)
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    _ = try await Repository.create(
      on: LocalBackend(path: FilePath(directory)), password: SecureBytes(wiping: &password), settings: settings)
  }
}
