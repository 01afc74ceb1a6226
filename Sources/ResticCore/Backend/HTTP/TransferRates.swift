/// How many bytes may move, all requests of a transport together. Belongs to its thread.
///
/// What is small (a lock, a question, the beginning of an answer) does not wait; it counts all the same.
final class TransferRates {
  /// Up to this many bytes of a request are small.
  static let smallByteCount = 16 << 10
  /// As much is sent at a time, so that all requests get their share.
  private static let pieceByteCount = 16 << 10

  private var upload: TokenBucket?
  private var download: TokenBucket?

  /// So many bytes a second; nil: any number.
  init(uploadLimit: Int?, downloadLimit: Int?) {
    upload = uploadLimit.map { TokenBucket(bytesPerSecond: $0) }
    download = downloadLimit.map { TokenBucket(bytesPerSecond: $0) }
  }

  /// Whether what is sent has to be asked for.
  var limitsUploads: Bool { upload != nil }

  /// Whether what is received has to be asked for.
  var limitsDownloads: Bool { download != nil }

  /// How many of `byteCount` bytes may be sent now; they count as sent.
  func send(upTo byteCount: Int, isSmall: Bool) -> Int {
    guard !isSmall else {
      upload?.owe(byteCount)
      return byteCount
    }
    let piece = min(byteCount, Self.pieceByteCount)
    return upload?.take(upTo: piece) ?? byteCount
  }

  /// Whether `byteCount` bytes that are there may be taken now; they count as received then.
  func receive(_ byteCount: Int, isSmall: Bool) -> Bool {
    guard isSmall || download?.delay() ?? .zero == .zero else { return false }
    download?.owe(byteCount)
    return true
  }

  /// How long it is until something may be sent.
  var sendingDelay: Duration { upload?.delay() ?? .zero }
  /// How long it is until something may be received.
  var receivingDelay: Duration { download?.delay() ?? .zero }
}
