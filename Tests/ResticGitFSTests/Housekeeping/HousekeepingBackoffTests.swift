import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The pauses after failed maintenance")
struct HousekeepingBackoffTests {
  private static func time(_ seconds: Int64) -> Timestamp {
    Timestamp(seconds: 1_800_000_000 + seconds, nanoseconds: 0)
  }

  // T1
  @Test("maintenance is retried after a minute, then after twice the time, and at least once a day")
  func pauses() throws {
    let folder = try TemporaryDirectory()
    let backoff = HousekeepingBackoff(file: folder.path.appending("housekeeping"))
    #expect(backoff.isOver(at: Self.time(0)))
    var now: Int64 = 0
    for pause: Int64 in [60, 120, 240, 480] {
      backoff.noteFailure(at: Self.time(now))
      #expect(!backoff.isOver(at: Self.time(now + pause - 1)) && backoff.isOver(at: Self.time(now + pause)))
      now += pause
    }
    for _ in 0..<80 { backoff.noteFailure(at: Self.time(now)) }
    #expect(!backoff.isOver(at: Self.time(now + 86399)) && backoff.isOver(at: Self.time(now + 86400)))
    // A note from the future, after a clock was set back, does not block maintenance.
    #expect(backoff.isOver(at: Self.time(now - 1)))
    backoff.noteSuccess()
    #expect(backoff.isOver(at: Self.time(now)))
    backoff.noteFailure(at: Self.time(now))
    #expect(backoff.isOver(at: Self.time(now + 60)))
  }

  @Test("without a usable place for the note maintenance is tried each time")
  func nowhere() throws {
    let folder = try TemporaryDirectory()
    for file in [nil, folder.path.appending("missing").appending("housekeeping"), folder.path] {
      let backoff = HousekeepingBackoff(file: file)
      backoff.noteFailure(at: Self.time(0))
      #expect(backoff.isOver(at: Self.time(0)))
    }
    let file = folder.path.appending("housekeeping")
    for text in [
      "", "restic-gitfs housekeeping 1\n-5 3\n", "restic-gitfs housekeeping 1\n99 1800000000", "x\n1 1800000000\n",
      "restic-gitfs housekeeping 1\n1 \(Int64.min)\n",
    ] {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
      #expect(HousekeepingBackoff(file: file).isOver(at: Self.time(1)))
    }
    try Data("restic-gitfs housekeeping 1\n\(Int64.max) 1800000000\n".utf8).write(
      to: URL(fileURLWithPath: file.string))
    HousekeepingBackoff(file: file).noteFailure(at: Self.time(0))
    #expect(!HousekeepingBackoff(file: file).isOver(at: Self.time(86399)))
  }
}
