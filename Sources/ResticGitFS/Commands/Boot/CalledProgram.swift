import SystemPackage

/// The name under which the process was started: one executable has several names.
enum CalledProgram: String, Sendable {
  /// The program itself, under any other name.
  case commandLine = "restic-gitfs"
  /// What mount(8) starts for the file system types `restic-gitfs` and `fuse.restic-gitfs`.
  case mount = "mount.restic-gitfs"
  /// What umount(8) starts for a mount of this program, which has the type `fuse.restic-gitfs`.
  case unmount = "umount.fuse.restic-gitfs"

  /// Exit codes of mount(8).
  private static let usage: Int32 = 1
  private static let interrupted: Int32 = 8
  private static let failed: Int32 = 32

  /// The program that was called as `name`, a path or a file name.
  init(called name: String) {
    switch FilePath(name).lastComponent?.string {
    case "mount.restic-gitfs", "mount.fuse.restic-gitfs": self = .mount
    case "umount.restic-gitfs", "umount.fuse.restic-gitfs": self = .unmount
    default: self = .commandLine
    }
  }

  /// The process's exit code if a command of this program ends with `code`.
  func exitCode(_ code: ExitCode) -> Int32 {
    switch (self, code) {
    case (.commandLine, _), (_, .success): code.rawValue
    // Everything is saved and the mount is gone; the message names the conflicts.
    case (.unmount, .partial): 0
    case (_, .interrupted): Self.interrupted
    default: Self.failed
    }
  }

  /// The exit code for a command line that cannot be parsed.
  var usageCode: Int32 { self == .commandLine ? ExitCode.failure.rawValue : Self.usage }
}
