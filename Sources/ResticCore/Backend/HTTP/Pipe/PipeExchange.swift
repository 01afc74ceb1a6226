/// One request on its way through a pipe.
///
/// Ownership: whoever makes it hands it to `PipeThread.run` and may call `cancel` there; everything else is for that thread.
/// `end` may be called from anywhere, once or more. `@unchecked` for that.
final class PipeExchange: @unchecked Sendable {
  let request: HTTPRequest

  /// Whether nobody wants the answer any more.
  let isCancelled = Locked(false)
  private let continuation = Locked<CheckedContinuation<Result<HTTPResponse, HTTPFailure>, Never>?>(nil)

  /// What has come of the answer.
  var answer: PartialResponse
  /// The header that is being read.
  var header = Header()
  /// How much of the body is on its way.
  var sentByteCount = 0
  /// The body waits for the rate.
  var waitsToSend = false
  /// The body waits for room at the server's.
  var waitsForRoom = false
  /// How much of the answer's body has come that the server was not given new room for, since the rate does not allow it.
  var heldByteCount = 0
  /// When it was made; when something of it moved last; and when it is given up whatever moves.
  let begin = ContinuousClock.now
  var lastMove = ContinuousClock.now
  var deadline = ContinuousClock.now

  /// What the header of an answer says of the answer itself.
  struct Header {
    var status = 0
    var byteCount: Int?
    var retryAfter: Duration?

    /// Takes a field if it is one of those.
    mutating func take(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
      if name.elementsEqual(Self.status) {
        status = Self.number(value) ?? 0
      } else if name.elementsEqual(Self.contentLength) {
        byteCount = Self.number(value)
      } else if name.elementsEqual(Self.retryAfter) {
        retryAfter = Self.number(value).map { .seconds(min($0, Int(Int32.max))) }
      }
    }

    private static let status = Array(":status".utf8)
    private static let contentLength = Array("content-length".utf8)
    private static let retryAfter = Array("retry-after".utf8)

    /// Digits; nil for everything else.
    private static func number(_ text: UnsafeRawBufferPointer) -> Int? {
      guard (1...18).contains(text.count) else { return nil }
      var number = 0
      for byte in text {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        number = number * 10 + Int(byte - UInt8(ascii: "0"))
      }
      return number
    }
  }

  /// A request that has not begun.
  init(_ request: HTTPRequest) {
    self.request = request
    answer = PartialResponse(room: request.room)
  }

  /// Who waits for the answer.
  func wait(_ waiting: CheckedContinuation<Result<HTTPResponse, HTTPFailure>, Never>) {
    continuation.withLock { $0 = waiting }
  }

  /// Tells whoever waits.
  func end(_ result: Result<HTTPResponse, HTTPFailure>) {
    continuation.withLock { $0.take() }?.resume(returning: result)
  }

  /// How much longer than others it may stand still: a program may have taken as much of the body as it has memory for, and take
  /// no more until that is where it belongs.
  var patience: Duration { .seconds((request.body?.byteCount ?? 0) / Self.leastBytesPerSecond) }

  /// No uplink is slower.
  private static let leastBytesPerSecond = 32 << 10

  /// Whether it passes those that wait for the rate.
  var isSmall: Bool { request.byteLimit <= TransferRates.smallByteCount }

  /// Whether all of the body is on its way.
  var isSent: Bool { sentByteCount == request.body?.byteCount ?? 0 }

  /// Whether something of it waits for the rate, and nobody is to blame.
  var waitsForRate: Bool { waitsToSend || heldByteCount > 0 }
}
