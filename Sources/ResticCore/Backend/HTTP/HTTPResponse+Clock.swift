extension HTTPResponse {
  /// How far the server's clock is ahead of this machine's, by the field `Date` of the answer to a request that was
  /// sent at `begin` and answered at `end`; nil if the server sends no date. The field has whole seconds: a server
  /// whose second may lie between `begin` and `end` is not ahead.
  func clockOffset(from begin: Timestamp, to end: Timestamp) -> Duration? {
    fields[.date].flatMap(HTTPDate.seconds).map { Timestamp.clockOffset(showing: $0, between: begin, and: end) }
  }
}

extension Timestamp {
  /// How far a clock is ahead of this machine's that showed `seconds`, cut to whole ones, at some moment between `begin` and
  /// `end` by this machine's.
  static func clockOffset(showing seconds: Int64, between begin: Timestamp, and end: Timestamp) -> Duration {
    if seconds > end.seconds { return .seconds(seconds - end.seconds) }
    if seconds < begin.seconds { return .seconds(seconds - begin.seconds) }
    return .zero
  }
}
