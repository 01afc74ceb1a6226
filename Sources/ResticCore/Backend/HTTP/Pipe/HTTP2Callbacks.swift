internal import CNghttp2

/// The callbacks of libnghttp2.
enum HTTP2Callbacks {
  /// Puts all of them into `callbacks`.
  static func set(in callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeader)
    nghttp2_session_callbacks_set_on_header_callback(callbacks, takeField)
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, takeFrame)
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, takeBody)
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, endStream)
    nghttp2_session_callbacks_set_send_data_callback(callbacks, sendBody)
    nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, frameLength)
  }

  /// Provides the body of a request to libnghttp2.
  static var bodyProvider: nghttp2_data_provider {
    nghttp2_data_provider(source: nghttp2_data_source(), read_callback: offerBody)
  }
}

/// The session that the callback belongs to.
private func owner(_ context: UnsafeMutableRawPointer?) -> HTTP2Session? {
  context.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

/// The header of an answer begins: the final one, an interim one (100), or fields after the body.
private func beginHeader(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame, let exchange = owner(context)?.exchanges[frame.pointee.hd.stream_id] else { return 0 }
  exchange.lastMove = .now
  if !exchange.answer.hasBegun {
    exchange.header = PipeExchange.Header()
    exchange.answer.beginFields()
  }
  return 0
}

/// A field of a header.
private func takeField(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
  _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _: UInt8, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let frame, let exchange = owner(context)?.exchanges[frame.pointee.hd.stream_id] else { return 0 }
  guard !exchange.answer.hasBegun else { return 0 }
  let name = UnsafeRawBufferPointer(start: name, count: nameCount)
  let value = UnsafeRawBufferPointer(start: value, count: valueCount)
  exchange.header.take(name: name, value: value)
  // There are too many fields: reset the stream.
  return exchange.answer.take(name: name, value: value) ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue
}

/// A whole frame has arrived.
private func takeFrame(
  _: OpaquePointer?, _ frame: UnsafePointer<nghttp2_frame>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = owner(context), let frame else { return 0 }
  let (stream, flags) = (frame.pointee.hd.stream_id, UInt32(frame.pointee.hd.flags))
  switch UInt32(frame.pointee.hd.type) {
  case NGHTTP2_SETTINGS.rawValue: session.isReady = true
  case NGHTTP2_GOAWAY.rawValue: session.isClosing = true
  case NGHTTP2_WINDOW_UPDATE.rawValue where stream == 0: session.resumeWaiting()
  case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
    guard let exchange = session.exchanges[stream] else { return 0 }
    let header = exchange.header
    // Below 200 another header follows.
    if header.status >= 200 {
      exchange.answer.begin(
        status: header.status, statedByteCount: header.byteCount, retryAfter: header.retryAfter)
    }
    if flags & NGHTTP2_FLAG_END_STREAM.rawValue != 0 { session.finish(stream, isWhole: true) }
  default: break
  }
  return 0
}

/// A piece of an answer's body.
private func takeBody(
  _: OpaquePointer?, _: UInt8, _ stream: Int32, _ start: UnsafePointer<UInt8>?, _ count: Int,
  _ context: UnsafeMutableRawPointer?
) -> Int32 {
  owner(context)?.take(UnsafeRawBufferPointer(start: start, count: count), of: stream)
  return 0
}

/// A stream has ended. A stream whose answer was complete is already forgotten.
private func endStream(
  _: OpaquePointer?, _ stream: Int32, _: UInt32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  owner(context)?.finish(stream, isWhole: false)
  return 0
}

/// How much of a body goes into a frame.
private func frameLength(
  _: OpaquePointer?, _: UInt8, _: Int32, _ connectionWindow: Int32, _ streamWindow: Int32, _ frameLimit: UInt32,
  _: UnsafeMutableRawPointer?
) -> Int {
  min(Int(connectionWindow), Int(streamWindow), Int(frameLimit), HTTP2Session.frameByteCount)
}

/// How many of the next `limit` bytes of a request's body may be sent; none are copied.
private func offerBody(
  _: OpaquePointer?, _ stream: Int32, _: UnsafeMutablePointer<UInt8>?, _ limit: Int,
  _ flags: UnsafeMutablePointer<UInt32>?, _: UnsafeMutablePointer<nghttp2_data_source>?,
  _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let session = owner(context), let exchange = session.exchanges[stream], let body = exchange.request.body,
    let flags
  else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
  let count = session.offer(min(limit, body.byteCount - exchange.sentByteCount), of: exchange)
  guard count > 0 else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
  flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
  if exchange.sentByteCount + count == body.byteCount { flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
  return count
}

/// Sends what `offerBody` has offered: the frame header, 9 bytes, and `count` bytes of the body.
private func sendBody(
  _: OpaquePointer?, _ frame: UnsafeMutablePointer<nghttp2_frame>?, _ header: UnsafePointer<UInt8>?, _ count: Int,
  _: UnsafeMutablePointer<nghttp2_data_source>?, _ context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = owner(context), let frame, let exchange = session.exchanges[frame.pointee.hd.stream_id],
    let body = exchange.request.body
  else { return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue }
  session.output.append(UnsafeRawBufferPointer(start: header, count: 9))
  session.output.append(body, exchange.sentByteCount..<exchange.sentByteCount + count)
  exchange.sentByteCount += count
  exchange.lastMove = .now
  return session.output.byteCount < HTTP2Session.outputByteCount ? 0 : NGHTTP2_ERR_PAUSE.rawValue
}
