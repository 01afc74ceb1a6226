import Logging
import Synchronization

/// The logged lines.
final class LogLines: Sendable {
  private struct Handler: LogHandler {
    let target: LogLines
    var metadata = Logger.Metadata()
    var logLevel: Logger.Level

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      target.found.withLock { $0.append("\(event.message)") }
    }
  }

  private let found = Mutex<[String]>([])
  private let level: Logger.Level

  /// Keeps the messages of `level` and above.
  init(from level: Logger.Level = .warning) { self.level = level }

  /// The lines so far.
  var lines: [String] { found.withLock { $0 } }

  /// A logger whose lines end up here.
  var logger: Logger { Logger(label: "test") { _ in Handler(target: self, logLevel: self.level) } }
}
