internal import CNghttp2

/// The client's side of an HTTP/2 connection, through libnghttp2. Belongs to one thread.
///
/// 1. `output` is what has to be written; parts of bodies in it are not copied. It never exceeds `outputByteCount` by
///    much, so a small request soon gets its turn.
/// 2. Received bodies go to their final place (`PartialResponse`).
/// 3. The server may send as much as it likes, because it serves only this process; if downloads are limited, a large
///    answer gets new window as the rate allows, and small answers pass.
/// 4. An exchange that the session has accepted (`begin`) ends when the session ends it, or is returned (`abandon`).
final class HTTP2Session {
  /// The bytes to write to the pipe.
  var output = PipeOutput()
  /// The server's first frame has arrived: it serves.
  var isReady = false
  /// The server accepts no more requests.
  var isClosing = false
  /// Exchanges by the number of their stream.
  var exchanges: [Int32: PipeExchange] = [:]
  /// Streams whose answers wait for the rate, in that order.
  var heldStreams: [Int32] = []
  let rates: TransferRates
  /// What the server's program has written since a time.
  var remark: (ContinuousClock.Instant) -> String = { _ in "" }
  private var session: OpaquePointer?
  /// The server's name in requests and failures.
  private let name: String

  /// The most bytes that are taken out of the session at a time.
  static let outputByteCount = 256 << 10
  /// The largest part of a body in a frame, if the server accepts that.
  static let frameByteCount = 256 << 10
  /// The window for one answer, and for all answers together.
  private static let streamWindow = 16 << 20
  private static let connectionWindow = 1 << 30
  /// The window for one answer if downloads are limited: that much is sent before the rate is asked.
  private static let limitedWindow = 64 << 10
  /// A larger header cannot be the answer to any request here.
  private static let headerByteCount: UInt32 = 64 << 10

  /// A session that moves as many bytes as `rates` allow. `name` is the server's name in failures.
  init(rates: TransferRates, name: String) {
    self.rates = rates
    self.name = name
    var callbacks: OpaquePointer?
    var options: OpaquePointer?
    let results = (nghttp2_session_callbacks_new(&callbacks), nghttp2_option_new(&options))
    defer {
      nghttp2_session_callbacks_del(callbacks)
      nghttp2_option_del(options)
    }
    HTTP2Callbacks.set(in: callbacks)
    // `consume` opens the window, so that a rate limit can delay it.
    nghttp2_option_set_no_auto_window_update(options, 1)
    let own = Unmanaged.passUnretained(self).toOpaque()
    let result = nghttp2_session_client_new2(&session, callbacks, own, options)
    precondition(results == (0, 0) && result == 0, "only memory can be missing")
    let window = rates.limitsDownloads ? Self.limitedWindow : Self.streamWindow
    let settings = [
      nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: UInt32(window)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_FRAME_SIZE.rawValue), value: UInt32(Self.frameByteCount)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: Self.headerByteCount),
    ]
    let sent = nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    let grown = nghttp2_session_set_local_window_size(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(Self.connectionWindow))
    precondition(sent == 0 && grown == 0, "the settings are valid")
  }

  deinit {
    nghttp2_session_del(session)
  }

  // MARK: Requests

  /// Begins to send the request of `exchange`; returns false if the session accepts no more.
  func begin(_ exchange: PipeExchange) -> Bool {
    guard !isClosing, nghttp2_session_check_request_allowed(session) != 0 else { return false }
    let request = exchange.request
    var fields = [
      (":method", request.method.rawValue), (":scheme", "http"), (":authority", "localhost"), (":path", request.target),
    ]
    fields += request.fields.compactMap { field in
      guard let colon = field.firstIndex(of: ":") else { return nil }
      return (field[..<colon].lowercased(), String(field[field.index(after: colon)...].drop { $0 == " " }))
    }
    if let body = request.body { fields.append(("content-length", "\(body.byteCount)")) }
    let hasBody = (request.body?.byteCount ?? 0) > 0
    let stream = HTTP2Fields.with(fields) { fields in
      guard hasBody else { return nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, nil, nil) }
      var provider = HTTP2Callbacks.bodyProvider
      return nghttp2_submit_request(session, nil, fields.baseAddress, fields.count, &provider, nil)
    }
    guard stream > 0 else { return false }
    exchanges[stream] = exchange
    return true
  }

  /// Ends `exchange` with `result`, and tells the server that the answer is not wanted.
  func drop(_ exchange: PipeExchange, _ result: Result<HTTPResponse, HTTPFailure>) {
    guard let stream = exchanges.first(where: { $0.value === exchange })?.key else { return }
    reset(stream)
    end(stream, result)
  }

  /// All exchanges that have not ended. The session must not be used afterwards.
  func abandon() -> [PipeExchange] {
    defer { exchanges = [:] }
    return Array(exchanges.values)
  }

  // MARK: Bytes

  /// Takes bytes from the server. Returns false if they are not HTTP/2, unless `fillOutput` reports that.
  func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let count = nghttp2_session_mem_recv(
      session, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    return count == bytes.count
  }

  /// Fills `output` with bytes to write, as far as there is room; returns false if the session has failed.
  func fillOutput() -> Bool {
    while output.byteCount < Self.outputByteCount {
      var start: UnsafePointer<UInt8>?
      let count = nghttp2_session_mem_send(session, &start)
      guard count >= 0 else { return false }
      output.append(UnsafeRawBufferPointer(start: start, count: count))
      // Nothing is left, or a part of a body has filled the output.
      if count == 0 { break }
    }
    // The session wants no more after it has sent GOAWAY to a server that it does not understand.
    return nghttp2_session_want_read(session) != 0
  }

  // MARK: Rates

  /// Resumes streams that the rate allows to continue.
  func resume() {
    if rates.sendingDelay == .zero {
      for (stream, exchange) in exchanges where exchange.waitsToSend {
        exchange.waitsToSend = false
        nghttp2_session_resume_data(session, stream)
      }
    }
    while let stream = heldStreams.first {
      if let exchange = exchanges[stream] {
        guard rates.receive(exchange.heldByteCount, isSmall: false) else { return }
        nghttp2_session_consume_stream(session, stream, exchange.heldByteCount)
        exchange.heldByteCount = 0
      }
      heldStreams.removeFirst()
    }
  }

  /// Nobody is woken for less than arrives in this time.
  private static let shortestPause = Duration.milliseconds(20)

  /// How long until a waiting stream can continue; nil if none waits.
  var rateDelay: Duration? {
    let sending = exchanges.values.contains { $0.waitsToSend } ? rates.sendingDelay : nil
    let receiving = heldStreams.isEmpty ? nil : rates.receivingDelay
    return [sending, receiving].compactMap(\.self).min().map { max($0, Self.shortestPause) }
  }

  // MARK: Parts, for the callbacks

  /// How many of `byteCount` bytes of the body of `exchange` may be sent now; if none, the exchange waits.
  func offer(_ byteCount: Int, of exchange: PipeExchange) -> Int {
    var count = byteCount
    if !exchange.isSmall {
      // The last part of the window shared by all streams is kept for small requests.
      let room = Int(nghttp2_session_get_remote_window_size(session)) - TransferRates.smallByteCount
      count = min(count, room)
      guard count > 0 else {
        exchange.waitsForRoom = true
        return 0
      }
    }
    if rates.limitsUploads { count = rates.send(upTo: count, isSmall: exchange.isSmall) }
    if count == 0 { exchange.waitsToSend = true }
    return count
  }

  /// The server has opened its window.
  func resumeWaiting() {
    for (stream, exchange) in exchanges where exchange.waitsForRoom {
      exchange.waitsForRoom = false
      nghttp2_session_resume_data(session, stream)
    }
  }

  /// Takes a piece of an answer's body.
  func take(_ piece: UnsafeRawBufferPointer, of stream: Int32) {
    nghttp2_session_consume_connection(session, piece.count)
    guard let exchange = exchanges[stream] else { return }
    exchange.lastMove = .now
    guard exchange.answer.take(body: piece) else {
      reset(stream)
      return finish(stream, isWhole: false)
    }
    if exchange.isSmall || !rates.limitsDownloads {
      _ = rates.receive(piece.count, isSmall: true)
      nghttp2_session_consume_stream(session, stream, piece.count)
    } else {
      if exchange.heldByteCount == 0 { heldStreams.append(stream) }
      exchange.heldByteCount += piece.count
    }
  }

  /// The server has sent all of an answer (`isWhole`), or has ended the stream.
  func finish(_ stream: Int32, isWhole: Bool) {
    guard let exchange = exchanges[stream] else { return }
    // A server that does not want the rest of a body answers before the body's end.
    if isWhole, !exchange.isSent { reset(stream) }
    if var response = exchange.answer.response(isWhole: isWhole) {
      // The server cannot have carried out a request that it did not receive completely.
      guard exchange.isSent || !response.isSuccess else {
        return end(stream, .failure(.interrupted("\(name) answered before the request was complete")))
      }
      // rclone's answers do not say why a request failed.
      if response.status >= 400, response.status != 404 { response.remark = remark(exchange.begin) }
      end(stream, .success(response))
    } else {
      end(stream, .failure(.interrupted("\(name) closed a request without an answer")))
    }
  }

  private func end(_ stream: Int32, _ result: Result<HTTPResponse, HTTPFailure>) {
    guard let exchange = exchanges.removeValue(forKey: stream) else { return }
    // The last bytes count too.
    _ = rates.receive(exchange.heldByteCount, isSmall: true)
    exchange.end(result)
  }

  /// Anything that the server still sends on the stream is dropped.
  private func reset(_ stream: Int32) {
    nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, NGHTTP2_CANCEL.rawValue)
  }
}
