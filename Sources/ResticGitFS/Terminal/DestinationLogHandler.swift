import Logging
import MessageText

/// Formats swift-log's events as one line of printable text each: the message, then metadata as `key=value`.
struct DestinationLogHandler: LogHandler {
  /// Where the lines go.
  let destination: LogDestination
  var logLevel = Logger.Level.warning
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?

  /// Nothing is logged until a level is set; see `LogDestination.makeLogger`.
  init(destination: LogDestination) {
    self.destination = destination
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
    let pairs = all.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
    let text = "\(event.message)\(pairs)"
    destination.write(
      level: event.level, text: text.split(separator: "\n").joined(separator: " ").printable)
  }
}
