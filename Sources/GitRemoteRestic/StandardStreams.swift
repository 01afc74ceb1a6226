import Glibc
import MessageText
import SystemPackage

/// Lines for a person.
enum StandardError {
  /// Writes `line` after the program's name. Nobody is told when nobody listens.
  static func write(_ line: String) {
    // Standard error is where errors are reported: there is no other place for this one.
    _ = try? FileDescriptor.standardError.writeAll(Array(text(of: line).utf8))
  }

  /// What is written for `line`: one line, which a terminal only shows, whatever others have named in it.
  static func text(of line: String) -> String { "git-remote-restic: \(line.printable)\n" }
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
