/// Some requests that belong together, sent in their order without waiting for answers, and all answers to them.
///
/// Ownership: whoever makes it hands it to `SFTPConnection`; from then on it is its thread's, but for `wait` and `end`.
/// `@unchecked` for that. `waiter` is a leaf lock.
final class SFTPExchange: @unchecked Sendable {
  /// A part of an exchange, which has one reply.
  enum Step: Sendable {
    case request(SFTPRequest)
    /// Writes all bytes from the file's beginning on. Replies with the first status that is none of success, or `ok`.
    case write(SFTPHandle, PooledBytes)
    /// Fills the memory, which has room for exactly so many bytes, with those of the range. Replies as `write` does; with
    /// `endOfFile` where the file ends before.
    case read(SFTPHandle, Range<Int>, PooledBytes)
  }

  /// What one packet asks for: a part of a step.
  struct Piece: Hashable, Sendable {
    let step: Int
    /// Where the part begins, from the step's beginning on.
    var offset = 0
    /// How many bytes are moved; 0 for a request.
    var byteCount = 0
  }

  /// What a packet costs.
  enum Weight: Hashable, Sendable {
    /// Next to nothing.
    case light
    /// Bytes that are sent.
    case upload
    /// Bytes that are received.
    case download
  }

  /// Up to this many bytes do not wait behind others'.
  static let lightByteCount = 16 << 10

  /// Who waits for the replies.
  private enum Waiter {
    case nobodyYet
    case somebody(CheckedContinuation<Result<[SFTPReply], SFTPFailure>, Never>)
    /// Whoever waited has heard.
    case over
  }

  let steps: [Step]
  private let waiter = Locked(Waiter.nobodyYet)
  /// After this long it is given up, whatever moves.
  var deadline = ContinuousClock.now
  /// When something of it was sent or answered last.
  var lastMovement = ContinuousClock.now
  /// Whether nobody wants the replies any more, although some of it was sent.
  private(set) var isAbandoned = false
  /// Whether the connection's thread has it.
  var hasBegun = false

  private let isLight: Bool
  private var replies: [SFTPReply?]
  /// What the names among the replies take, in bytes.
  private var namesCost = 0
  /// The step that is being sent, and how much of it is.
  private var step = 0
  private var offset = 0
  /// What is left of reads that were answered in part.
  private var leftovers: [Piece] = []
  private var unansweredCount = 0
  /// Whether a transfer has failed, so that only what closes is still sent.
  private var hasFailed = false

  init(_ steps: [Step]) {
    self.steps = steps
    replies = Array(repeating: nil, count: steps.count)
    isLight = steps.reduce(0) { $0 + Self.byteCount(of: $1) } <= Self.lightByteCount
  }

  /// How many bytes it moves, without the packets around them.
  var byteCount: Int { steps.reduce(0) { $0 + Self.byteCount(of: $1) } }

  /// Whether everything was sent and answered.
  var isComplete: Bool { unansweredCount == 0 && nextWeight == nil }

  /// What the next packet costs; nil where all is sent, for the moment.
  var nextWeight: Weight? { nextTransfer.map { isLight ? .light : $0 } }

  /// What the next packet moves, `light` for nothing; nil where all is sent, for the moment.
  var nextTransfer: Weight? {
    guard leftovers.isEmpty else { return .download }
    skipWhatIsNotSent()
    guard step < steps.count else { return nil }
    return switch steps[step] {
    case .request: .light
    case .write: .upload
    case .read: .download
    }
  }

  /// The next piece, of `limit` bytes at most, which counts as sent.
  func takeNext(limit: Int) -> Piece? {
    if let piece = leftovers.popLast() {
      unansweredCount += 1
      return piece
    }
    skipWhatIsNotSent()
    guard step < steps.count else { return nil }
    unansweredCount += 1
    let total = Self.byteCount(of: steps[step])
    let piece = Piece(step: step, offset: offset, byteCount: min(limit, total - offset))
    offset += piece.byteCount
    if offset == total { (step, offset) = (step + 1, 0) }
    return piece
  }

  /// The request for `piece`.
  func request(for piece: Piece) -> SFTPRequest {
    switch steps[piece.step] {
    case .request(let request):
      request
    case .write(let handle, _):
      .write(handle, offset: UInt64(piece.offset), byteCount: UInt32(piece.byteCount))
    case .read(let handle, let range, _):
      .read(handle, offset: UInt64(range.lowerBound + piece.offset), byteCount: UInt32(piece.byteCount))
    }
  }

  /// The bytes that follow the packet for `piece`, if any.
  func payload(of piece: Piece) -> PooledBytes? {
    if case .write(_, let bytes) = steps[piece.step] { bytes } else { nil }
  }

  /// Where the bytes of `piece` go; nil where it reads nothing.
  func memory(for piece: Piece) -> PooledBytes? {
    if case .read(_, _, let memory) = steps[piece.step] { memory } else { nil }
  }

  /// Takes the answer to `piece`.
  func take(_ reply: SFTPReply, for piece: Piece) {
    unansweredCount -= 1
    switch steps[piece.step] {
    case .request:
      replies[piece.step] = reply
    case .read, .write:
      if case .status(let status) = reply, status.code == .ok { return }
      replies[piece.step] = replies[piece.step] ?? reply
      hasFailed = true
      leftovers = []
    }
  }

  /// Takes the answer to `piece`, a read: its first `count` bytes, of which there is one at least, are in memory.
  func take(byteCount count: Int, for piece: Piece) {
    unansweredCount -= 1
    guard count < piece.byteCount, !hasFailed else { return }
    leftovers.append(
      Piece(step: piece.step, offset: piece.offset + count, byteCount: piece.byteCount - count))
  }

  /// Counts what `names` take; false where that is more than anybody asks for at once.
  func count(_ names: [SFTPName]) -> Bool {
    namesCost = names.reduce(namesCost) { $0 + Self.nameCost + $1.bytes.count }
    return namesCost <= Self.mostNamesCost
  }

  /// A name in memory, beside its bytes.
  private static let nameCost = 100
  private static let mostNamesCost = 8 << 20

  /// Nobody waits any more; what is not sent yet stays unsent, but for what closes.
  func abandon() {
    isAbandoned = true
    hasFailed = true
    leftovers = []
  }

  /// Has `continuation` hear of the end. False where that was before; then it has heard that it is cancelled.
  func wait(_ continuation: CheckedContinuation<Result<[SFTPReply], SFTPFailure>, Never>) -> Bool {
    let isOver = waiter.withLock { waiter in
      if case .over = waiter { return true }
      waiter = .somebody(continuation)
      return false
    }
    if isOver { continuation.resume(returning: .failure(.cancelled)) }
    return !isOver
  }

  /// Whether whoever waited has heard. Any thread may ask.
  var isOver: Bool {
    waiter.withLock { waiter in
      if case .over = waiter { true } else { false }
    }
  }

  /// Tells whoever waits, unless that has happened before. Any thread may.
  func end(_ result: Result<[SFTPReply], SFTPFailure>) {
    let before = waiter.withLock { waiter in
      defer { waiter = .over }
      return waiter
    }
    if case .somebody(let continuation) = before { continuation.resume(returning: result) }
  }

  /// Tells whoever waits that there is no answer.
  func fail(_ failure: SFTPFailure) { end(.failure(failure)) }

  /// Tells whoever waits; everything is answered.
  func finish() {
    let all = zip(steps, replies).map { step, reply in
      if let reply { return reply }
      if case .request = step { return SFTPReply.skipped }
      return .status(.ok)
    }
    end(.success(all))
  }

  private func skipWhatIsNotSent() {
    while step < steps.count {
      switch steps[step] {
      case .request(.close): return
      case .request where !hasFailed: return
      case .write(_, let bytes) where !hasFailed && bytes.byteCount > 0: return
      case .read(_, let range, _) where !hasFailed && !range.isEmpty: return
      default: (step, offset) = (step + 1, 0)
      }
    }
  }

  private static func byteCount(of step: Step) -> Int {
    switch step {
    case .request: 0
    case .write(_, let bytes): bytes.byteCount
    case .read(_, let range, _): range.count
    }
  }
}
