import Logging
import ResticCore

/// `--commit-after`: commits after a while without writes.
final class AutoCommit: Sendable {
  private let task: Task<Void, Never>

  /// Begins to watch `coordinator`.
  init(after quiet: Duration, coordinator: CommitCoordinator, logger: Logger) {
    task = Task {
      var delay = quiet
      while !Task.isCancelled {
        try? await Task.sleep(for: delay)  // a cancellation also ends the loop
        let current = coordinator.current
        let waited = current.lastChange.duration(to: .now)
        guard current.phase == .dirty, waited >= quiet else {
          delay = current.phase == .dirty ? max(quiet - waited, .milliseconds(10)) : quiet
          continue
        }
        delay = quiet
        do {
          _ = try await coordinator.commit(.sync)
        } catch {
          logger.warning("the automatic commit failed and will be retried: \(error)")
        }
      }
    }
  }

  /// Ends watching. A commit under way goes on.
  func stop() {
    task.cancel()
  }
}
