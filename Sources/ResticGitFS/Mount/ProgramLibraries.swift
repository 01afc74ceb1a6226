import FuseBridge
import ResticCore

/// The C libraries that the program runs with.
enum ProgramLibraries {
  /// Name and version of each: `libfuse 3.14.0`, `OpenSSL 3.0.17`, …
  static var list: [String] { ["libfuse \(FuseLibrary.version)"] + LibraryVersions.list() }

  /// The list as one line: `libfuse 3.14.0, OpenSSL 3.0.17, …`.
  static var text: String { list.joined(separator: ", ") }
}
