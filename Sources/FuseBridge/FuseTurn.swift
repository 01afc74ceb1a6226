internal import CFuse3
internal import Glibc

/// One thread of a `FuseLoop`, and whether reading the device is its turn.
///
/// Whoever has the turn is the only thread that watches the device. It answers brief requests itself and reads the next one
/// afterwards, without a word to another thread: a program that makes one system call after the other is served by one
/// thread, and no processor is woken for that. It gives the turn away before it answers a request that may take a while
/// (`FuseLoop.take`), and when a brief one turns out to have to wait (`FuseRequest.wait`).
///
/// Ownership: its thread's.
final class FuseTurn {
  /// Whether the thread has the turn.
  var isHeld = false
  /// Whether the thread has taken the device's event from epoll, and nobody has armed the device since.
  var hasEvent = false

  private let loop: FuseLoop
  /// When the thread stops looking for the next request and sleeps; nil: it sleeps at once.
  private var lookEnd: ContinuousClock.Instant?
  /// So many requests are answered before the thread looks again.
  private var unlookedCount = 0
  /// How many those were after the last look that failed; less after each that did not.
  private var pause = 0
  /// How many requests were read one after the other, each of which was there already.
  private var streak = 0

  /// Longer than a program takes from one system call to the next, much shorter than anybody would notice.
  private static let lookDuration = Duration.microseconds(30)
  /// The longest pause.
  private static let longestPause = 256
  /// A program that waits for each answer never has so many requests there. Others do.
  private static let longestStreak = 16

  /// Where a thread finds its own.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the process has no room for a thread's value")
    return key
  }()

  /// The calling thread's, as long as this exists.
  init(of loop: FuseLoop) {
    self.loop = loop
    pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit { pthread_setspecific(Self.key, nil) }

  /// The calling thread's, if it is one of a loop.
  static var current: FuseTurn? {
    pthread_getspecific(key).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
  }

  /// Lets another thread read the device, because the request that this one answers has to wait.
  func giveAway() {
    if isHeld { loop.giveAway(self) }
  }

  /// Whether requests arrive faster than this thread answers them.
  var isOverloaded: Bool { streak >= Self.longestStreak }

  /// Notes that a request was read.
  func noteRequest() {
    streak += 1
    // A request that was found too late had to wait: something else had the processor.
    if let lookEnd { endLook(hasSucceeded: .now <= lookEnd) }
  }

  /// Begins to look for the next request without sleeping, unless that has failed lately.
  func beginLook() {
    guard unlookedCount == 0 else {
      unlookedCount -= 1
      return
    }
    lookEnd = .now + Self.lookDuration
  }

  /// Whether to look once more before the thread sleeps, after a look that found nothing.
  func looksAgain() -> Bool {
    streak = 0
    guard let lookEnd else { return false }
    if .now < lookEnd { return true }
    endLook(hasSucceeded: false)
    return false
  }

  /// A look pays on an idle machine only. On a busy one it keeps the processor from the very program that is to make the next
  /// request.
  private func endLook(hasSucceeded: Bool) {
    lookEnd = nil
    pause = hasSucceeded ? pause / 4 : min(max(1, pause * 2), Self.longestPause)
    unlookedCount = pause
  }
}
