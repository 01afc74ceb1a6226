/// How many bytes all requests of a transport together may move. Belongs to the transport's thread.
///
/// Small transfers (a lock, a question, the beginning of an answer) do not wait, but count.
final class TransferRates {
  /// Up to this many bytes of a request are small.
  static let smallByteCount = 16 << 10
  /// The size of a piece to send, so that all requests get their share.
  private static let pieceByteCount = 16 << 10

  private var upload: TokenBucket?
  private var download: TokenBucket?

  /// Limits in bytes a second; nil: no limit.
  init(uploadLimit: Int?, downloadLimit: Int?) {
    upload = uploadLimit.map { TokenBucket(bytesPerSecond: $0) }
    download = downloadLimit.map { TokenBucket(bytesPerSecond: $0) }
  }

  /// Whether uploads are limited.
  var limitsUploads: Bool { upload != nil }

  /// Whether downloads are limited.
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

  /// Whether `byteCount` available bytes may be taken now; if so, they count as received.
  func receive(_ byteCount: Int, isSmall: Bool) -> Bool {
    guard isSmall || download?.delay() ?? .zero == .zero else { return false }
    download?.owe(byteCount)
    return true
  }

  /// How long until bytes may be sent.
  var sendingDelay: Duration { upload?.delay() ?? .zero }
  /// How long until bytes may be received.
  var receivingDelay: Duration { download?.delay() ?? .zero }
}
