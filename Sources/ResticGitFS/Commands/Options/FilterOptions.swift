import ArgumentParser
import ResticCore
import SystemPackage

/// Which snapshots to use; all options may be repeated.
struct FilterOptions: ParsableArguments {
  @Option(
    name: .customLong("host"),
    help: ArgumentHelp("Only snapshots of this host (default: $RESTIC_HOST, else any).", valueName: "host"))
  var hosts: [String] = []

  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp("Only snapshots with this tag; a,b asks for both.", valueName: "tag[,tag…]"))
  var tags: [String] = []

  @Option(
    name: .customLong("path"),
    help: ArgumentHelp("Only snapshots whose paths include this absolute path.", valueName: "path"))
  var paths: [String] = []

  func validate() throws {
    for path in paths where !FilePath(path).isAbsolute {
      throw ValidationError("--path '\(path)' is relative; write the absolute path that the snapshot has")
    }
  }

  /// The filter. The default host is RESTIC_HOST; an empty `--host` allows any.
  func filter(_ environment: Environment) -> SnapshotFilter {
    let hosts = hosts.isEmpty ? environment[.host].map { [$0] } ?? [] : hosts.filter { !$0.isEmpty }
    return SnapshotFilter(
      hosts: hosts,
      tags: tags.map(Self.tagList),
      paths: paths.map { FilePath($0).lexicallyNormalized().string })
  }

  /// The comma-separated tags in `text`.
  static func tagList(_ text: String) -> [String] {
    text.split(separator: ",", omittingEmptySubsequences: false).map(withoutSpaces)
  }

  private static func withoutSpaces(_ tag: Substring) -> String {
    String(decoding: TextFile.trimmed(Array(tag.utf8)), as: UTF8.self)
  }
}
