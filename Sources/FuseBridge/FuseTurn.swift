internal import CFuse3
internal import Glibc

/// One thread of a `FuseLoop`, and whether this thread has the turn to read the device.
///
/// The thread with the turn is the only thread that watches the device. It answers brief requests itself and then reads
/// the next request without notifying another thread: one thread serves a program that makes one system call after
/// another, and no other processor has to wake up. The thread gives the turn away before it answers a request that may
/// take a while (`FuseLoop.take`), and when a brief request turns out to have to wait (`FuseRequest.wait`).
///
/// Ownership: only the thread itself uses it.
final class FuseTurn {
  /// Whether the thread has the turn.
  var isHeld = false
  /// Whether the thread has taken the device's event from epoll, and no thread has armed the device since.
  var hasEvent = false

  private let loop: FuseLoop
  /// When the thread stops polling for the next request and sleeps; nil: it sleeps at once.
  private var lookEnd: ContinuousClock.Instant?
  /// How many requests the thread still answers before it polls again.
  private var unlookedCount = 0
  /// The value of `unlookedCount` after the last poll that failed. Each poll that succeeds makes it smaller.
  private var pause = 0
  /// How many requests in a row were already waiting when the thread read them.
  private var streak = 0

  /// Longer than a program takes from one system call to the next, and too short for anyone to notice.
  private static let lookDuration = Duration.microseconds(30)
  /// The longest pause.
  private static let longestPause = 256
  /// A program that waits for each answer never has this many requests waiting. Other programs do.
  private static let longestStreak = 16

  /// The key under which each thread finds its own turn.
  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "the process has no room for a thread's value")
    return key
  }()

  /// Becomes the calling thread's turn for as long as this object exists.
  init(of loop: FuseLoop) {
    self.loop = loop
    pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
  }

  deinit { pthread_setspecific(Self.key, nil) }

  /// The calling thread's turn; nil if the thread belongs to no loop.
  static var current: FuseTurn? {
    pthread_getspecific(key).map { Unmanaged.fromOpaque($0).takeUnretainedValue() }
  }

  /// Lets another thread read the device, because the request that this thread answers has to wait.
  func giveAway() {
    if isHeld { loop.giveAway(self) }
  }

  /// Whether requests arrive faster than this thread answers them.
  var isOverloaded: Bool { streak >= Self.longestStreak }

  /// Notes that a request was read.
  func noteRequest() {
    streak += 1
    // A request that was found too late had to wait: another program had the processor.
    if let lookEnd { endLook(hasSucceeded: .now <= lookEnd) }
  }

  /// Begins to poll for the next request without sleeping, unless polling failed recently.
  func beginLook() {
    guard unlookedCount == 0 else {
      unlookedCount -= 1
      return
    }
    lookEnd = .now + Self.lookDuration
  }

  /// Whether to poll once more before the thread sleeps, after a poll that found no request.
  func looksAgain() -> Bool {
    streak = 0
    guard let lookEnd else { return false }
    if .now < lookEnd { return true }
    endLook(hasSucceeded: false)
    return false
  }

  /// Ends a poll. Polling pays only on an idle machine: on a busy one, it keeps the processor from the very program
  /// that is about to send the next request.
  private func endLook(hasSucceeded: Bool) {
    lookEnd = nil
    pause = hasSucceeded ? pause / 4 : min(max(1, pause * 2), Self.longestPause)
    unlookedCount = pause
  }
}
