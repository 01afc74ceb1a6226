import Logging

/// Converts swift-log's events to `LogEntry`s.
struct DestinationLogHandler: LogHandler {
  /// Where lines go.
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
    destination.write(
      LogEntry(level: event.level, message: "\(event.message)", fields: all.mapValues { "\($0)" }))
  }
}
