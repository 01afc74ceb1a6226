import Glibc
import SystemPackage

/// Lines for a person.
enum StandardError {
  /// Writes `line` after the program's name. Nobody is told when nobody listens.
  static func write(_ line: String) {
    _ = try? FileDescriptor.standardError.writeAll(Array("git-remote-restic: \(line)\n".utf8))
  }
}

/// The pipe to git.
enum StandardOutput {
  /// Writes `bytes`. When git is gone there is nobody to work for: the process ends, and its mount with it.
  static func write(_ bytes: some Sequence<UInt8>) {
    do {
      try FileDescriptor.standardOutput.writeAll(bytes)
    } catch {
      exit(128)
    }
  }
}
