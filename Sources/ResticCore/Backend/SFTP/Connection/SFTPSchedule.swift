/// Chooses the exchange whose packet is sent next: light ones go first, and transfers take turns.
///
/// The bytes of large files under way are limited, so that a lock's request, which is sent after them, does not wait
/// for long; the limit still fills a connection with a round trip of 50 ms. ssh itself has 2 MiB under way.
struct SFTPSchedule {
  /// A packet that may be sent.
  struct Packet {
    let exchange: SFTPExchange
    let piece: SFTPExchange.Piece
    let weight: SFTPExchange.Weight
  }

  private struct Flight {
    var pieceCount = 0
    var byteCount = 0

    func hasRoom(for byteCount: Int) -> Bool {
      pieceCount < SFTPSchedule.mostPieces && self.byteCount + byteCount <= SFTPSchedule.mostInFlight
    }
  }

  /// Bytes under way in one direction, and requests for them.
  static let mostInFlight = 4 << 20
  private static let mostPieces = 64
  /// The largest piece that every server accepts, and the largest that OpenSSH accepts, 255 KiB.
  private static let smallestPiece = 32 << 10
  private static let largestPiece = 255 << 10
  /// The smallest piece with a rate limit.
  private static let slowestPiece = 1024

  /// Exchanges with something to send, by the cost of their next packet.
  private var queues: [SFTPExchange.Weight: [SFTPExchange]] = [:]
  private var uploads = Flight()
  private var downloads = Flight()
  private var uploadPiece: Int
  private var downloadPiece: Int
  private let uploadLimit: Int?
  private let downloadLimit: Int?
  private var uploadRate: TokenBucket?
  private var downloadRate: TokenBucket?

  /// A schedule with limits in bytes a second; nil: no limit.
  init(uploadLimit: Int?, downloadLimit: Int?) {
    (self.uploadLimit, self.downloadLimit) = (uploadLimit, downloadLimit)
    uploadRate = uploadLimit.map { TokenBucket(bytesPerSecond: $0) }
    downloadRate = downloadLimit.map { TokenBucket(bytesPerSecond: $0) }
    uploadPiece = Self.piece(Self.smallestPiece, limit: uploadLimit)
    downloadPiece = Self.piece(Self.smallestPiece, limit: downloadLimit)
  }

  /// Whether no exchange has anything to send.
  var isEmpty: Bool { queues.values.allSatisfy(\.isEmpty) }

  /// All exchanges that have something to send.
  var exchanges: [SFTPExchange] { Array(queues.values.joined()) }

  /// Adopts the server's limits for packets.
  mutating func take(_ limits: SFTPLimits) {
    func piece(_ stated: UInt64) -> Int {
      stated == 0 ? Self.smallestPiece : max(Self.slowestPiece, Int(min(stated, UInt64(Self.largestPiece))))
    }
    uploadPiece = Self.piece(piece(limits.writeByteCount), limit: uploadLimit)
    downloadPiece = Self.piece(piece(limits.readByteCount), limit: downloadLimit)
  }

  /// Queues `exchange` for its next packet. Returns false if it has none.
  mutating func add(_ exchange: SFTPExchange) -> Bool {
    guard let weight = exchange.nextWeight else { return false }
    queues[weight, default: []].append(exchange)
    return true
  }

  /// Removes `exchange` from the queues.
  mutating func remove(_ exchange: SFTPExchange) {
    for weight in queues.keys { queues[weight]?.removeAll { $0 === exchange } }
  }

  /// The exchange whose turn it is; nil if nothing may be sent now. It leaves the queue, and its next packet is
  /// `packet(of:)`.
  mutating func next() -> (exchange: SFTPExchange, weight: SFTPExchange.Weight)? {
    if let exchange = first(.light) { return (exchange, .light) }
    if uploads.hasRoom(for: uploadPiece), uploadRate?.delay() ?? .zero == .zero, let exchange = first(.upload) {
      return (exchange, .upload)
    }
    if downloads.hasRoom(for: downloadPiece), downloadRate?.delay() ?? .zero == .zero, let exchange = first(.download) {
      return (exchange, .download)
    }
    return nil
  }

  /// The next packet of `exchange`, which counts as sent; nil if it has none after all.
  mutating func packet(of exchange: SFTPExchange, _ weight: SFTPExchange.Weight) -> Packet? {
    let isUpload = exchange.nextTransfer == .upload
    guard let piece = exchange.takeNext(limit: isUpload ? uploadPiece : downloadPiece) else { return nil }
    // Light packets count too, although they do not wait.
    if isUpload { uploadRate?.owe(piece.byteCount) } else { downloadRate?.owe(piece.byteCount) }
    let packet = Packet(exchange: exchange, piece: piece, weight: weight)
    count(packet, 1)
    return packet
  }

  /// `packet` was answered.
  mutating func settle(_ packet: Packet) { count(packet, -1) }

  /// How long until a packet may be sent that only the rate delays; nil if there is none.
  mutating func delay() -> Duration? {
    var delays: [Duration] = []
    if queues[.upload]?.isEmpty == false, uploads.hasRoom(for: uploadPiece), let delay = uploadRate?.delay() {
      delays.append(delay)
    }
    if queues[.download]?.isEmpty == false, downloads.hasRoom(for: downloadPiece), let delay = downloadRate?.delay() {
      delays.append(delay)
    }
    return delays.min()
  }

  private mutating func first(_ weight: SFTPExchange.Weight) -> SFTPExchange? {
    guard queues[weight]?.isEmpty == false else { return nil }
    return queues[weight]?.removeFirst()
  }

  private mutating func count(_ packet: Packet, _ sign: Int) {
    switch packet.weight {
    case .light: return
    case .upload:
      uploads.pieceCount += sign
      uploads.byteCount += sign * packet.piece.byteCount
    case .download:
      downloads.pieceCount += sign
      downloads.byteCount += sign * packet.piece.byteCount
    }
  }

  /// A piece takes at most a second.
  private static func piece(_ byteCount: Int, limit: Int?) -> Int {
    limit.map { max(slowestPiece, min(byteCount, $0)) } ?? byteCount
  }
}
