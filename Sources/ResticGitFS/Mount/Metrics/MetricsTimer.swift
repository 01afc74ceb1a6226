import Logging
import ResticCore
import SystemPackage

/// Writes a mount's metrics to its metrics file at once, every 15 seconds, and when the mount has ended.
final class MetricsTimer: Sendable {
  /// Prometheus's default interval.
  private static let interval = Duration.seconds(15)

  private let service: MountService
  private let file: FilePath
  private let logger: Logger
  private let executor = BlockingExecutor(threadCount: 1)
  private let task: Task<Void, Never>

  /// Begins to write the figures of `service` to `file`.
  init(service: MountService, file: FilePath, logger: Logger) {
    (self.service, self.file, self.logger) = (service, file, logger)
    task = Task { [executor] in
      var lastFailure: Errno?
      while !Task.isCancelled {
        let failure = await executor.run { MetricsTimer.write(service, to: file, isUp: true) }
        if let failure, failure != lastFailure {
          logger.warning("the metrics file cannot be written", metadata: ["file": "\(file)", "error": "\(failure)"])
        }
        lastFailure = failure
        try? await Task.sleep(for: MetricsTimer.interval)  // only a cancellation ends it early, and that ends the loop
      }
    }
  }

  /// Writes a last time that the mount has ended.
  func end() async {
    task.cancel()
    await task.value
    // A failure to write the file has been logged before.
    _ = await executor.run { [service, file] in Self.write(service, to: file, isUp: false) }
  }

  /// Asks the service on a thread that may block.
  private static func write(_ service: MountService, to file: FilePath, isUp: Bool) -> Errno? {
    do throws(Errno) {
      try ReplacedFile.write(Array(service.metrics().text(isUp: isUp).utf8), to: file)
      return nil
    } catch {
      return error
    }
  }
}
