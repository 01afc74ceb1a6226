internal import Glibc
public import SystemPackage

/// Takes mounts away: umount2(2) for root, fusermount3 for everybody else.
public enum Unmounting {
  /// What becomes of a mount that is in use.
  public enum Insistence: Sendable {
    /// It stays.
    case ifUnused
    /// It goes from this mount namespace; its users keep what they have open.
    case detached
    /// As `detached`, and what waits for the file system fails, as far as this user can do that.
    case forced
  }

  /// Why a mount is still there.
  public struct Failure: Error {
    /// Nil where fusermount3 failed: it tells no number.
    public let error: Errno?
    /// In words, one line.
    public let reason: String

    /// Whether it is in use.
    public var isBusy: Bool { error == .resourceBusy || error == nil && reason.contains("busy") }
  }

  /// Unmounts `path`, which is not followed if it is a link. Blocks the thread.
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
      // C messages, so that the one about a busy mount is known again.
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
