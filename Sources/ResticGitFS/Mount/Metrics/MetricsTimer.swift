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

  /// Begins to write the figures of `service` to `file`, which `begin` has written.
  init(service: MountService, file: FilePath, logger: Logger) {
    (self.service, self.file, self.logger) = (service, file, logger)
    task = Task { [executor] in
      var lastFailure: Errno?
      var last: ReplacedFile.Identity?
      var isShared = false
      while !Task.isCancelled {
        let before = await executor.run { ReplacedFile.Identity(of: file) }
        if let last, let before, last != before, !isShared {
          isShared = true
          logger.warning(
            "somebody else writes the metrics file, too: give each mount a file of its own",
            metadata: ["file": "\(file)"])
        }
        switch await executor.run({ MetricsTimer.write(service, to: file) }) {
        case .success(let written): (last, lastFailure) = (written, nil)
        case .failure(let error):
          if error != lastFailure {
            logger.warning("the metrics file cannot be written", metadata: ["file": "\(file)", "error": "\(error)"])
          }
          lastFailure = error
        }
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

  /// Writes the figures of `service`, which is about to be mounted, to `file`. Throws if that cannot be done: then nobody would see the
  /// mount.
  static func begin(_ service: MountService, file: FilePath) async throws(CommandError) {
    if case .failure(let error) = await BlockingExecutor(threadCount: 1).run({ write(service, to: file) }) {
      throw CommandError("--metrics-file: \(file) cannot be written: \(error); choose a writable folder")
    }
  }

  /// Writes that `service` could not be mounted.
  static func giveUp(_ service: MountService, file: FilePath) async {
    // Why there is no mount is said elsewhere.
    _ = await BlockingExecutor(threadCount: 1).run { write(service, to: file, isUp: false) }
  }

  /// Asks the service on a thread that may block.
  private static func write(
    _ service: MountService, to file: FilePath, isUp: Bool = true
  ) -> Result<ReplacedFile.Identity, Errno> {
    Result { () throws(Errno) in
      try ReplacedFile.replace(file, with: Array(service.metrics().text(isUp: isUp).utf8))
    }
  }
}
