import Glibc
import ResticCore
import SystemPackage

/// How long pushes by URL skip housekeeping of a repository in which it failed: a minute after the first failure, twice
/// as long after each further one, at most a day. The process that failed ends, so a file in the state folder keeps
/// this.
///
///     "restic-gitfs housekeeping 1\n" ‖ number of failures ‖ " " ‖ seconds since 1970 of the last one ‖ "\n"
///
/// The file only saves work. A file that cannot be read or written, or that is dated in the future, counts as missing.
struct HousekeepingBackoff: Sendable {
  /// The content of the file.
  private struct Failures {
    var count: Int64
    var lastSeconds: Int64
  }

  static let name = "housekeeping"
  private static let heading = "restic-gitfs housekeeping 1"
  private static let firstPause: Int64 = 60
  private static let longestPause: Int64 = 24 * 3600
  /// After this many failures, the pause no longer grows.
  private static let countLimit: Int64 = 20

  /// The file; nil: nothing is remembered.
  let file: FilePath?

  /// The failures of `repository`.
  init(of repository: Repository) {
    self.init(file: repository.settings.stateFolder?.appending(repository.config.id).appending(Self.name))
  }

  init(file: FilePath?) {
    self.file = file
  }

  /// Whether housekeeping may be tried at `now`.
  func isOver(at now: Timestamp) -> Bool {
    guard let failures = load(), failures.lastSeconds <= now.seconds else { return true }
    return now.seconds - failures.lastSeconds >= Self.pause(after: failures.count)
  }

  /// Notes that housekeeping failed at `now`.
  func noteFailure(at now: Timestamp) {
    guard let file else { return }
    let count = min(load()?.count ?? 0, Self.countLimit - 1) + 1
    // If the failure cannot be noted, the next push tries again.
    _ = try? ReplacedFile.write(Array("\(Self.heading)\n\(count) \(now.seconds)\n".utf8), to: file)
  }

  /// Notes that housekeeping succeeded.
  func noteSuccess() {
    // If the note stays, the next failure counts for more than it should.
    _ = file?.withPlatformString { unlink($0) }
  }

  private static func pause(after count: Int64) -> Int64 {
    min(firstPause << (min(max(count, 1), countLimit) - 1), longestPause)
  }

  private func load() -> Failures? {
    // A file that cannot be read counts as missing.
    guard let file, let bytes = try? FileContent.load(file) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 3, lines[0] == Self.heading[...], lines[2].isEmpty else { return nil }
    let numbers = lines[1].split(separator: " ").compactMap { Int64($0) }
    guard numbers.count == 2, numbers[0] > 0, numbers[1] >= 0 else { return nil }
    return Failures(count: numbers[0], lastSeconds: numbers[1])
  }
}
