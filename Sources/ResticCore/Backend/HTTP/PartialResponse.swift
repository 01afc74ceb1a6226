/// The part of an answer that has arrived, in no more memory than there is room for.
///
/// The header is read field by field, and a few of its fields are kept; how much of the body is kept is decided when
/// the body begins, and nothing is allocated before that.
struct PartialResponse {
  private enum Body {
    /// Neither the end of the header nor a byte of the body has arrived.
    case notBegun
    /// All of the body is kept, up to the room. `stated`: the server has stated that size.
    case taken(PooledBytes, limit: Int, isStated: Bool)
    /// The beginning of the answer to a failure, or of a body that is not needed.
    case excerpt(PooledBytes)
    case refused(byteCount: Int?)
  }

  /// People see less of a message; S3's messages name the bucket's region at the end.
  private static let excerptByteCount = 4096
  /// How many bytes are received and dropped so that the connection can be reused.
  private static let mostThrownAway = 64 << 10
  /// No useful server sends more lines or longer values.
  private static let mostFieldLines = 256
  private static let longestValue = 1024
  /// The first allocation for a body of unknown size.
  private static let firstPiece = 64 << 10

  private let room: HTTPRequest.Room
  private var fieldLineCount = 0
  private var fields: [HTTPResponse.Field: String] = [:]
  private var status = 0
  private var statedByteCount: Int?
  private var retryAfter: Duration?
  private var body = Body.notBegun
  private var thrownAway = 0

  init(room: HTTPRequest.Room) {
    self.room = room
  }

  /// Drops the fields of an interim answer (100) or of a proxy.
  mutating func beginFields() { fields = [:] }

  /// Adds a line of the header, `Name: value`; returns false if there are too many.
  mutating func take(field line: UnsafeRawBufferPointer) -> Bool {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return countField() }
    return take(
      name: UnsafeRawBufferPointer(rebasing: line[..<colon]),
      value: UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]))
  }

  /// Adds a field of the header; returns false if there are too many.
  mutating func take(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Bool {
    guard countField() else { return false }
    guard name.count + value.count < Self.longestValue,
      let field = HTTPResponse.Field(rawValue: String(decoding: name, as: UTF8.self).lowercased())
    else { return true }
    let printable = value.filter { $0 >= 0x20 && $0 < 0x7f }
    fields[field] = String(decoding: printable.drop { $0 == 0x20 }, as: UTF8.self)
    return true
  }

  private mutating func countField() -> Bool {
    fieldLineCount += 1
    return fieldLineCount <= Self.mostFieldLines
  }

  /// Whether `begin` was called.
  var hasBegun: Bool {
    if case .notBegun = body { false } else { true }
  }

  /// Decides, once, what to keep of the body: its first bytes have arrived, or there are none.
  mutating func begin(status: Int, statedByteCount: Int?, retryAfter: Duration?) {
    guard !hasBegun else { return }
    self.status = status
    self.statedByteCount = statedByteCount
    self.retryAfter = retryAfter
    guard (200..<300).contains(status) else {
      body = .excerpt(PooledBytes(capacity: Self.excerptByteCount))
      return
    }
    switch (room, statedByteCount) {
    case (.none, _): body = .excerpt(PooledBytes(capacity: Self.excerptByteCount))
    case (.exactly(let count), let stated?) where stated != count: body = .refused(byteCount: stated)
    case (.upTo(let limit), let stated?) where stated > limit: body = .refused(byteCount: stated)
    case (_, let stated?): body = .taken(PooledBytes(capacity: stated), limit: stated, isStated: true)
    case (.exactly(let limit), nil), (.upTo(let limit), nil):
      body = .taken(PooledBytes(capacity: min(limit, Self.firstPiece)), limit: limit, isStated: false)
    }
  }

  /// Adds a piece of the body; returns false if no more is wanted.
  mutating func take(body piece: UnsafeRawBufferPointer) -> Bool {
    switch body {
    case .notBegun, .refused:
      return false
    case .excerpt(let bytes):
      let kept = min(piece.count, bytes.capacity - bytes.byteCount)
      bytes.append(UnsafeRawBufferPointer(rebasing: piece[..<kept]))
      thrownAway += piece.count - kept
      return thrownAway <= Self.mostThrownAway
    case .taken(let bytes, let limit, let isStated):
      guard piece.count <= limit - bytes.byteCount else {
        body = .refused(byteCount: nil)
        return false
      }
      if piece.count <= bytes.capacity - bytes.byteCount {
        bytes.append(piece)
        return true
      }
      let larger = PooledBytes(capacity: min(limit, max(bytes.capacity * 2, bytes.byteCount + piece.count)))
      bytes.move(from: 0, to: larger)
      larger.append(piece)
      body = .taken(larger, limit: limit, isStated: isStated)
      return true
    }
  }

  /// The answer, if it is complete: all of it has arrived (`isWhole`), or the missing part was not wanted.
  func response(isWhole: Bool) -> HTTPResponse? {
    guard status != 0 else { return nil }
    let body: HTTPResponse.Body
    switch self.body {
    case .notBegun: return nil
    case .refused(let byteCount): body = .refused(byteCount: byteCount)
    case .excerpt(let bytes) where isWhole || thrownAway > Self.mostThrownAway: body = .taken(bytes)
    case .excerpt: return nil
    case .taken(let bytes, let limit, let isStated):
      guard isWhole else { return nil }
      if case .exactly = room, !isStated, bytes.byteCount != limit {
        body = .refused(byteCount: bytes.byteCount)
      } else {
        body = .taken(bytes)
      }
    }
    return HTTPResponse(
      status: status, fields: fields, statedByteCount: statedByteCount, retryAfter: retryAfter, body: body)
  }
}
