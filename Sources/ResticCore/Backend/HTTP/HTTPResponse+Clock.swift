extension HTTPResponse {
  /// How far the server's clock is ahead of this machine's, by the field `Date` of an answer to a request that was sent at
  /// `begin` and answered at `end`; nil where the server does not tell its time. The field has whole seconds: a server whose
  /// second can lie between the two is not ahead.
  func clockOffset(from begin: Timestamp, to end: Timestamp) -> Duration? {
    guard let seconds = fields[.date].flatMap(HTTPDate.seconds) else { return nil }
    if seconds > end.seconds { return .seconds(seconds - end.seconds) }
    if seconds < begin.seconds { return .seconds(seconds - begin.seconds) }
    return .zero
  }
}
