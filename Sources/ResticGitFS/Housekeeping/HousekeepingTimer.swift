import Platform
import ResticCore
import SystemPackage

/// Has a mount put in order what is due, once nothing was written for a while. Nothing is looked at where nothing was written.
final class HousekeepingTimer: Sendable {
  private let task: Task<Void, Never>

  /// Begins to watch `coordinator`.
  init(after quiet: Duration, coordinator: CommitCoordinator, housekeeper: Housekeeper) {
    task = Task {
      var seen = coordinator.current.lastChange
      while !Task.isCancelled {
        // Only a cancellation ends it early, and that ends the loop.
        try? await Task.sleep(for: max(quiet, .milliseconds(10)))
        let last = coordinator.current.lastChange
        guard last != seen, last.duration(to: .now) >= quiet, !Task.isCancelled else { continue }
        await Self.run(housekeeper)
        // What housekeeping has written itself is not looked at again.
        seen = coordinator.current.lastChange
      }
    }
  }

  /// Ends watching. A run that is under way goes on.
  func stop() {
    task.cancel()
  }

  /// git may take a while: that is for a thread of its own.
  private static func run(_ housekeeper: Housekeeper) async {
    await withCheckedContinuation { continuation in
      do throws(Errno) {
        try PlainThread.start {
          _ = housekeeper.run(.idle)
          continuation.resume()
        }
      } catch {
        // No thread is left: the next time, perhaps.
        continuation.resume()
      }
    }
  }
}
