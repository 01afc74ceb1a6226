import Logging
import ResticCore

/// `--refresh`: makes an unchanged mount look for a newer snapshot regularly.
final class RefreshTimer: Sendable {
  private let task: Task<Void, Never>

  /// Begins to look every `interval`.
  init(every interval: Duration, coordinator: CommitCoordinator, logger: Logger) {
    task = Task {
      var lastFailure: String?
      while !Task.isCancelled {
        try? await Task.sleep(for: interval)  // a cancellation also ends the loop
        guard !Task.isCancelled else { return }
        do {
          try await coordinator.refresh()
          lastFailure = nil
        } catch {
          let failure = "\(error)"
          if failure != lastFailure {
            logger.warning("cannot look for newer snapshots: \(failure); trying again every \(interval)")
          }
          lastFailure = failure
        }
      }
    }
  }

  /// Ends looking.
  func stop() {
    task.cancel()
  }
}
