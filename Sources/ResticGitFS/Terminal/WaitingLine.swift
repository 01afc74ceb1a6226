import Logging
import ResticCore

/// Tells a person what is waited for: one line on standard error for each wait, which stays.
final class WaitingLine: Sendable {
  private static let lookInterval = Duration.milliseconds(200)
  /// A shorter wait shows no line.
  private static let patience = Duration.seconds(1)

  private struct State {
    /// When the last seen wait began, and when it was first seen.
    var since = ""
    var firstSeen = ContinuousClock.now
    var isShown = false
  }

  private let isQuiet: Bool
  private let log: LogDestination
  private let state = Locked(State())

  /// Lines on standard error, in the form of `log`, or none with `isQuiet`.
  init(isQuiet: Bool, log: LogDestination) {
    self.isQuiet = isQuiet
    self.log = log
  }

  /// Shows `waiting` once it has lasted a while; calls `before` first. Call it repeatedly.
  func show(_ waiting: MountStatus.Waiting?, before: () -> Void = {}) {
    // Nobody could read it in the middle of another program's question.
    guard let waiting, !isQuiet, !StandardStream.error.isLent else { return }
    let isDue = state.withLock { state in
      if state.since != waiting.since { state = State(since: waiting.since) }
      guard !state.isShown, state.firstSeen.duration(to: .now) >= Self.patience else { return false }
      state.isShown = true
      return true
    }
    guard isDue else { return }
    before()
    log.tell("waiting since \(waiting.since): \(waiting.reason)", level: .notice)
  }

  /// The result of `body`, during which the waits in `notes` are shown.
  func showing<Success: Sendable>(
    _ notes: WaitingNotes, _ body: () async throws -> Success
  ) async throws -> Success {
    let watch = Task {
      while !Task.isCancelled {
        let note = notes.current
        // The person would read the same thing twice.
        let isTold = note?.isLogged == true && log.showsLogOnTerminal
        show(isTold ? nil : note.map { MountStatus.Waiting($0) })
        try? await Task.sleep(for: Self.lookInterval)  // a cancellation also ends the loop
      }
    }
    defer { watch.cancel() }
    return try await body()
  }
}
