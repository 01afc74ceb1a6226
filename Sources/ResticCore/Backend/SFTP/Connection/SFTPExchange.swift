/// Related requests that are sent in order without waiting for answers, and all answers to them.
///
/// Ownership: the creator passes it to `SFTPConnection`; from then on it belongs to that connection's thread, except
/// for `wait` and `end`. Hence `@unchecked`. `waiter` is a leaf lock.
final class SFTPExchange: @unchecked Sendable {
  /// A part of an exchange, which has one reply.
  enum Step: Sendable {
    case request(SFTPRequest)
    /// Writes all bytes from the file's beginning on. The reply is the first unsuccessful status, or `ok`.
    case write(SFTPHandle, PooledBytes)
    /// Fills the memory, which has exactly the range's size, with the bytes of the range. Replies as `write` does; with
    /// `endOfFile` if the file ends before.
    case read(SFTPHandle, Range<Int>, PooledBytes)
  }

  /// The part of a step that one packet requests.
  struct Piece: Hashable, Sendable {
    let step: Int
    /// Where the part begins, counted from the step's beginning.
    var offset = 0
    /// How many bytes are moved; 0 for a request.
    var byteCount = 0
  }

  /// The cost of a packet.
  enum Weight: Hashable, Sendable {
    /// Next to nothing.
    case light
    /// Bytes that are sent.
    case upload
    /// Bytes that are received.
    case download
  }

  /// Transfers of up to this many bytes do not wait for others.
  static let lightByteCount = 16 << 10

  /// The task that waits for the replies.
  private enum Waiter {
    case nobodyYet
    case somebody(CheckedContinuation<Result<[SFTPReply], SFTPFailure>, Never>)
    /// The task has its result.
    case over
  }

  let steps: [Step]
  private let waiter = Locked(Waiter.nobodyYet)
  /// After this time the exchange is given up, even if its data still moves.
  var deadline = ContinuousClock.now
  /// When a part of it was last sent or answered.
  var lastMovement = ContinuousClock.now
  /// Whether the replies are no longer wanted, although a part was sent.
  private(set) var isAbandoned = false
  /// Whether the connection's thread has accepted it.
  var hasBegun = false

  private let isLight: Bool
  private var replies: [SFTPReply?]
  /// The memory of the names among the replies, in bytes.
  private var namesCost = 0
  /// The step that is being sent, and how much of it has been sent.
  private var step = 0
  private var offset = 0
  /// The rest of reads that were answered in part.
  private var leftovers: [Piece] = []
  private var unansweredCount = 0
  /// Whether a transfer has failed, so that only close requests are still sent.
  private var hasFailed = false

  init(_ steps: [Step]) {
    self.steps = steps
    replies = Array(repeating: nil, count: steps.count)
    isLight = steps.reduce(0) { $0 + Self.byteCount(of: $1) } <= Self.lightByteCount
  }

  /// How many bytes it moves, without packet headers.
  var byteCount: Int { steps.reduce(0) { $0 + Self.byteCount(of: $1) } }

  /// Whether everything has been sent and answered.
  var isComplete: Bool { unansweredCount == 0 && nextWeight == nil }

  /// The cost of the next packet; nil if nothing is left to send at the moment.
  var nextWeight: Weight? { nextTransfer.map { isLight ? .light : $0 } }

  /// What the next packet moves, `light` for nothing; nil if nothing is left to send at the moment.
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

  /// The next piece, of at most `limit` bytes, which then counts as sent.
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

  /// The memory for the bytes of `piece`; nil if it reads nothing.
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

  /// Takes the answer to `piece`, a read: its first `count` bytes, at least one, are in memory.
  func take(byteCount count: Int, for piece: Piece) {
    unansweredCount -= 1
    guard count < piece.byteCount, !hasFailed else { return }
    leftovers.append(
      Piece(step: piece.step, offset: piece.offset + count, byteCount: piece.byteCount - count))
  }

  /// Counts the memory of `names`; returns false if it is more than any request needs.
  func count(_ names: [SFTPName]) -> Bool {
    namesCost = names.reduce(namesCost) { $0 + Self.nameCost + $1.bytes.count }
    return namesCost <= Self.mostNamesCost
  }

  /// The memory of a name, in addition to its bytes.
  private static let nameCost = 100
  private static let mostNamesCost = 8 << 20

  /// The replies are no longer wanted: unsent requests stay unsent, except close requests.
  func abandon() {
    isAbandoned = true
    hasFailed = true
    leftovers = []
  }

  /// Registers `continuation` for the result. Returns false if the exchange is over; then `continuation` has got
  /// `.cancelled`.
  func wait(_ continuation: CheckedContinuation<Result<[SFTPReply], SFTPFailure>, Never>) -> Bool {
    let isOver = waiter.withLock { waiter in
      if case .over = waiter { return true }
      waiter = .somebody(continuation)
      return false
    }
    if isOver { continuation.resume(returning: .failure(.cancelled)) }
    return !isOver
  }

  /// Whether the waiting task has its result. May be called from any thread.
  var isOver: Bool {
    waiter.withLock { waiter in
      if case .over = waiter { true } else { false }
    }
  }

  /// Passes the result to the waiting task, unless it has one. May be called from any thread.
  func end(_ result: Result<[SFTPReply], SFTPFailure>) {
    let before = waiter.withLock { waiter in
      defer { waiter = .over }
      return waiter
    }
    if case .somebody(let continuation) = before { continuation.resume(returning: result) }
  }

  /// Fails the waiting task: there is no answer.
  func fail(_ failure: SFTPFailure) { end(.failure(failure)) }

  /// Passes the replies to the waiting task: everything is answered.
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
