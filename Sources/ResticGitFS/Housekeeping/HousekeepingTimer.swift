import Platform
import ResticCore
import SystemPackage

/// Starts due housekeeping on a mount after a time without writes. A mount that was not written is not examined.
final class HousekeepingTimer: Sendable {
  private let task: Task<Void, Never>

  /// Begins to watch `coordinator`.
  init(after quiet: Duration, coordinator: CommitCoordinator, housekeeper: Housekeeper) {
    task = Task {
      var seen = coordinator.current.lastChange
      while !Task.isCancelled {
        // Only a cancellation ends the sleep early, and a cancellation ends the loop.
        try? await Task.sleep(for: max(quiet, .milliseconds(10)))
        let last = coordinator.current.lastChange
        guard last != seen, last.duration(to: .now) >= quiet, !Task.isCancelled else { continue }
        await Self.run(housekeeper)
        // Housekeeping's own writes cause no further run.
        seen = coordinator.current.lastChange
      }
    }
  }

  /// Stops watching. A run that is under way continues.
  func stop() {
    task.cancel()
  }

  /// git may take a while, so it gets a thread of its own.
  private static func run(_ housekeeper: Housekeeper) async {
    await withCheckedContinuation { continuation in
      do throws(Errno) {
        try PlainThread.start {
          _ = housekeeper.run(.idle)
          continuation.resume()
        }
      } catch {
        // No thread could be started. The next interval tries again.
        continuation.resume()
      }
    }
  }
}
