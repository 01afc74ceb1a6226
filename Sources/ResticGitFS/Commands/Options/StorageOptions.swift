import ArgumentParser
import ResticCore

/// How data is stored.
struct StorageOptions: ParsableArguments {
  /// Allowed target sizes of packs in MiB.
  /// Source: restic's limits for RESTIC_PACK_SIZE.
  private static let packMebibytes = 4...128

  @Option(
    help: ArgumentHelp(
      "auto, off, fastest, better or max (default: $RESTIC_COMPRESSION, else auto).", valueName: "mode"),
    completion: .list(["auto", "off", "fastest", "better", "max"]))
  var compression: String?

  @Option(
    help: ArgumentHelp(
      "The target size of packs in MiB, 4 to 128 (default: $RESTIC_PACK_SIZE, else 16).", valueName: "MiB"))
  var packSize: String?

  @Option(
    help: ArgumentHelp(
      "The memory to use, for example 512M, at least 64M (default: 256M). Packs get at most a sixteenth of it.",
      valueName: "size"),
    transform: MemoryBudget.parse)
  var memoryLimit = MemoryBudget.standard

  /// The compression of options and environment.
  func compressionMode(_ environment: Environment) throws(CommandError) -> CompressionMode {
    guard let (text, source) = choose(compression, "--compression", environment, .compression) else { return .auto }
    guard let mode = CompressionMode(rawValue: text) else {
      throw CommandError("\(source) is '\(text)'; it can be auto, off, fastest, better or max")
    }
    return mode
  }

  /// The pack size in bytes of options and environment, nil for the default.
  func packByteCount(_ environment: Environment) throws(CommandError) -> Int? {
    guard let (text, source) = choose(packSize, "--pack-size", environment, .packSize) else { return nil }
    guard let mebibytes = Int(text), Self.packMebibytes.contains(mebibytes) else {
      throw CommandError("\(source) is '\(text)'; it is a number of MiB from 4 to 128")
    }
    return mebibytes << 20
  }

  private func choose(
    _ option: String?, _ name: String, _ environment: Environment, _ variable: Environment.Variable
  ) -> (text: String, source: String)? {
    if let option { return (option, name) }
    return environment[variable].map { ($0, variable.rawValue) }
  }
}
