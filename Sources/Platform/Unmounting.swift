internal import Glibc
public import SystemPackage

/// Unmounts: umount2(2) as root, fusermount3 for other users.
public enum Unmounting {
  /// What happens to a mount that is in use.
  public enum Insistence: Sendable {
    /// The mount stays.
    case ifUnused
    /// The mount leaves this mount namespace; its users keep what they have open.
    case detached
    /// As `detached`; in addition, calls that wait for the file system fail, as far as this user may cause that.
    case forced
  }

  /// Why a mount is still there.
  public struct Failure: Error {
    /// Nil if fusermount3 failed, which reports no error number.
    public let error: Errno?
    /// The reason in words, on one line.
    public let reason: String

    /// Whether it is in use.
    public var isBusy: Bool { error == .resourceBusy || error == nil && reason.contains("busy") }
  }

  /// Unmounts `path`; a symbolic link is not followed. Blocks the thread.
  public static func unmount(_ path: FilePath, _ insistence: Insistence = .ifUnused) throws(Failure) {
    if geteuid() == 0 { try unmountAsRoot(path, insistence) } else { try unmountAsUser(path, insistence) }
  }

  private static func unmountAsRoot(_ path: FilePath, _ insistence: Insistence) throws(Failure) {
    let flags =
      switch insistence {
      case .ifUnused: UMOUNT_NOFOLLOW
      case .detached: UMOUNT_NOFOLLOW | MNT_DETACH
      case .forced: UMOUNT_NOFOLLOW | MNT_DETACH | MNT_FORCE
      }
    guard path.withPlatformString({ umount2($0, Int32(flags)) }) != 0 else { return }
    let error = Errno(rawValue: errno)
    throw Failure(error: error, reason: "\(error)")
  }

  /// The set-user-id program of libfuse.
  private static func unmountAsUser(_ path: FilePath, _ insistence: Insistence) throws(Failure) {
    let arguments = ["-u"] + (insistence == .ifUnused ? [] : ["-z"]) + ["--", path.string]
    let result: ProgramOutput
    do throws(Errno) {
      // Messages in English, so that the one about a busy mount is recognized.
      result = try InheritedVariables.with(["LC_ALL": "C"]) { variables throws(Errno) in
        try ProgramOutput.of("fusermount3", arguments, variables: variables, signals: .unblocked)
      }
    } catch {
      throw Failure(error: error, reason: "fusermount3 cannot be started: \(error)")
    }
    guard let end = result.end, end != .exited(0) else { return }
    let lines = String(decoding: result.errorOutput, as: UTF8.self).split(separator: "\n")
    throw Failure(error: nil, reason: lines.joined(separator: "; "))
  }
}
