/// Which exchange's packet is sent next: light ones go first, and those that move bytes take turns.
///
/// So much of large files is under way at most that a lock's request, which is sent behind it, does not wait for long; and
/// a connection of 50 ms there and back is full with it: ssh itself has 2 MiB on the way.
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
  /// The largest piece that every server takes, and the largest that OpenSSH takes, 255 KiB.
  private static let smallestPiece = 32 << 10
  private static let largestPiece = 255 << 10
  /// With a limit on the rate no piece is smaller.
  private static let slowestPiece = 1024

  /// Exchanges that have something to send, by what the next packet costs.
  private var queues: [SFTPExchange.Weight: [SFTPExchange]] = [:]
  private var uploads = Flight()
  private var downloads = Flight()
  private var uploadPiece: Int
  private var downloadPiece: Int
  private let uploadLimit: Int?
  private let downloadLimit: Int?
  private var uploadRate: TokenBucket?
  private var downloadRate: TokenBucket?

  /// A schedule for so many bytes a second at most; nil: any number.
  init(uploadLimit: Int?, downloadLimit: Int?) {
    (self.uploadLimit, self.downloadLimit) = (uploadLimit, downloadLimit)
    uploadRate = uploadLimit.map { TokenBucket(bytesPerSecond: $0) }
    downloadRate = downloadLimit.map { TokenBucket(bytesPerSecond: $0) }
    uploadPiece = Self.piece(Self.smallestPiece, limit: uploadLimit)
    downloadPiece = Self.piece(Self.smallestPiece, limit: downloadLimit)
  }

  /// Whether nobody has anything to send.
  var isEmpty: Bool { queues.values.allSatisfy(\.isEmpty) }

  /// All who have something to send.
  var exchanges: [SFTPExchange] { Array(queues.values.joined()) }

  /// Takes what the server says of the size of packets.
  mutating func take(_ limits: SFTPLimits) {
    func piece(_ stated: UInt64) -> Int {
      stated == 0 ? Self.smallestPiece : max(Self.slowestPiece, Int(min(stated, UInt64(Self.largestPiece))))
    }
    uploadPiece = Self.piece(piece(limits.writeByteCount), limit: uploadLimit)
    downloadPiece = Self.piece(piece(limits.readByteCount), limit: downloadLimit)
  }

  /// Has `exchange` wait for its next packet. False where it has none.
  mutating func add(_ exchange: SFTPExchange) -> Bool {
    guard let weight = exchange.nextWeight else { return false }
    queues[weight, default: []].append(exchange)
    return true
  }

  /// Has `exchange` wait no longer.
  mutating func remove(_ exchange: SFTPExchange) {
    for weight in queues.keys { queues[weight]?.removeAll { $0 === exchange } }
  }

  /// Whose turn it is, nobody's where nothing may be sent now. It waits no longer, and its next packet is `packet(of:)`.
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

  /// The next packet of `exchange`, which counts as sent; nil where it has none after all.
  mutating func packet(of exchange: SFTPExchange, _ weight: SFTPExchange.Weight) -> Packet? {
    let isUpload = exchange.nextTransfer == .upload
    guard let piece = exchange.takeNext(limit: isUpload ? uploadPiece : downloadPiece) else { return nil }
    // What is light counts as well, although it does not wait.
    if isUpload { uploadRate?.owe(piece.byteCount) } else { downloadRate?.owe(piece.byteCount) }
    let packet = Packet(exchange: exchange, piece: piece, weight: weight)
    count(packet, 1)
    return packet
  }

  /// `packet` was answered.
  mutating func settle(_ packet: Packet) { count(packet, -1) }

  /// How long it is until something may be sent that only the rate holds back; nil where there is nothing.
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

  /// A piece takes a second at most.
  private static func piece(_ byteCount: Int, limit: Int?) -> Int {
    limit.map { max(slowestPiece, min(byteCount, $0)) } ?? byteCount
  }
}
