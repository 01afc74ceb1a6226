extension HTTPResponse {
  /// How far the server's clock is ahead of this machine's, by the field `Date` of the answer to a request that was
  /// sent at `begin` and answered at `end`; nil if the server sends no date. The field has whole seconds: a server
  /// whose second may lie between `begin` and `end` is not ahead.
  func clockOffset(from begin: Timestamp, to end: Timestamp) -> Duration? {
    guard let seconds = fields[.date].flatMap(HTTPDate.seconds) else { return nil }
    if seconds > end.seconds { return .seconds(seconds - end.seconds) }
    if seconds < begin.seconds { return .seconds(seconds - begin.seconds) }
    return .zero
  }
}
