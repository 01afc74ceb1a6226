/// One request that is sent through a pipe.
///
/// Ownership: the creator passes it to `PipeThread.run` and may call `cancel` there; everything else belongs to that
/// thread. `end` may be called from anywhere, repeatedly. Hence `@unchecked`.
final class PipeExchange: @unchecked Sendable {
  let request: HTTPRequest

  /// Whether the answer is no longer wanted.
  let isCancelled = Locked(false)
  private let continuation = Locked<CheckedContinuation<Result<HTTPResponse, HTTPFailure>, Never>?>(nil)

  /// The answer as far as it has arrived.
  var answer: PartialResponse
  /// The header that is being read.
  var header = Header()
  /// How many bytes of the body have been sent.
  var sentByteCount = 0
  /// Whether the body waits for the rate.
  var waitsToSend = false
  /// Whether the body waits for the server's window.
  var waitsForRoom = false
  /// How many bytes of the answer's body have arrived without new window for the server, because the rate does not
  /// allow it.
  var heldByteCount = 0
  /// When it was made; when something of it moved last; and when it is given up whatever moves.
  let begin = ContinuousClock.now
  var lastMove = ContinuousClock.now
  var deadline = ContinuousClock.now

  /// The fields that describe the answer itself.
  struct Header {
    var status = 0
    var byteCount: Int?
    var retryAfter: Duration?

    /// Takes a field if it is one of these.
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

  /// Registers the task that waits for the answer.
  func wait(_ waiting: CheckedContinuation<Result<HTTPResponse, HTTPFailure>, Never>) {
    continuation.withLock { $0 = waiting }
  }

  /// Passes the result to the waiting task.
  func end(_ result: Result<HTTPResponse, HTTPFailure>) {
    continuation.withLock { $0.take() }?.resume(returning: result)
  }

  /// The additional time that the exchange may stand still: a program may have buffered as much of the body as it has
  /// memory for, and accept no more until it has sent that on.
  var patience: Duration { .seconds((request.body?.byteCount ?? 0) / Self.leastBytesPerSecond) }

  /// The slowest assumed uplink.
  private static let leastBytesPerSecond = 32 << 10

  /// Whether the exchange passes those that wait for the rate.
  var isSmall: Bool { request.byteLimit <= TransferRates.smallByteCount }

  /// Whether the whole body has been sent.
  var isSent: Bool { sentByteCount == request.body?.byteCount ?? 0 }

  /// Whether the exchange waits for the rate, which is nobody's fault.
  var waitsForRate: Bool { waitsToSend || heldByteCount > 0 }
}
