import Glibc
import MessageText
import Subprocess
import SystemPackage

/// Takes a mount away: umount2(2) for root, fusermount3 for everybody else.
enum Unmounting {
  /// Unmounts `path`. On an error the mount is still there.
  static func unmount(_ path: FilePath) async throws {
    if geteuid() == 0 {
      guard path.withPlatformString({ umount2($0, Int32(UMOUNT_NOFOLLOW)) }) == 0 else {
        throw failure(of: path, isBusy: errno == EBUSY, reason: "\(Errno(rawValue: errno))")
      }
      return
    }
    // C messages, so that the one about a busy mount is known again.
    let result = try await Subprocess.run(
      .name("fusermount3"), arguments: ["-u", "--", path.string],
      environment: .inherit.updating(["LC_ALL": "C"]),
      output: .discarded, error: .string(limit: 4096))
    guard !result.terminationStatus.isSuccess else { return }
    let reason = result.standardError.split(separator: "\n").joined(separator: "; ")
    throw failure(of: path, isBusy: reason.contains("busy"), reason: reason)
  }

  /// Takes `path` away from this mount namespace even if it is in use: its users keep what they have open, and get errors.
  static func detach(_ path: FilePath) async throws {
    if geteuid() == 0 {
      guard path.withPlatformString({ umount2($0, Int32(MNT_FORCE | MNT_DETACH) | Int32(UMOUNT_NOFOLLOW)) }) == 0 else {
        throw failure(of: path, isBusy: false, reason: "\(Errno(rawValue: errno))")
      }
      return
    }
    let result = try await Subprocess.run(
      .name("fusermount3"), arguments: ["-u", "-z", "--", path.string], output: .discarded, error: .string(limit: 4096))
    guard !result.terminationStatus.isSuccess else { return }
    throw failure(
      of: path, isBusy: false, reason: result.standardError.split(separator: "\n").joined(separator: "; "))
  }

  private static func failure(of path: FilePath, isBusy: Bool, reason: String) -> CommandError {
    if isBusy {
      return CommandError(
        "\(path) is in use: close the programs and shells that stand in it (`fuser -vm \(ShellWord(path))` lists them) and try again"
      )
    }
    return CommandError("\(path) could not be unmounted: \(reason)")
  }
}
