internal import CCurl
internal import Glibc

/// One request that libcurl carries out.
///
/// Ownership: the creator passes it to `CurlThread.run` and may call `cancel` there; everything else belongs to that
/// thread, which keeps it until `end`. Hence `@unchecked`.
final class CurlTransfer: @unchecked Sendable {
  /// The part of the request that waits for the rate.
  enum Pause {
    case sending
    case receiving
  }

  private static let statusLineStart = Array("HTTP/".utf8)

  let request: HTTPRequest
  private let origin: HTTPOrigin
  private let credentials: HTTPCredentials?
  private let options: TransportOptions

  /// Whether the answer is no longer wanted.
  let isCancelled = Locked(false)
  /// The task that waits for the answer.
  var continuation: CheckedContinuation<Result<HTTPResponse, HTTPFailure>, Never>?
  /// The handle that carries out the request, between `begin` and `end`.
  private(set) var handle: CurlHandle?
  /// What the request is waiting for; nil if it is not paused.
  private(set) var pause: Pause?

  private var rates: TransferRates?
  private var fieldList: UnsafeMutablePointer<curl_slist>?
  /// libcurl's text of an error.
  private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
  private var sentByteCount = 0
  private var receivedByteCount = 0
  private var answer: PartialResponse

  /// A request that has not begun.
  init(_ request: HTTPRequest, to origin: HTTPOrigin, credentials: HTTPCredentials?, options: TransportOptions) {
    self.request = request
    self.origin = origin
    self.credentials = credentials
    self.options = options
    answer = PartialResponse(room: request.room)
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    errorText.deallocate()
  }

  /// Prepares `handle`, which is new or reset.
  func begin(on handle: CurlHandle, rates: TransferRates) {
    self.handle = handle
    self.rates = rates
    let own = Unmanaged.passUnretained(self).toOpaque()
    handle.set(CURLOPT_PRIVATE, own)
    handle.set(CURLOPT_ERRORBUFFER, errorText)
    handle.set(options, for: request, to: origin, credentials)
    for field in request.fields + ["Expect:", "Accept-Encoding:"] { fieldList = ccurl_slist_append(fieldList, field) }
    handle.set(CURLOPT_HTTPHEADER, fieldList)
    setBody(on: handle, own)
    ccurl_set_data_function(handle.pointer, CURLOPT_HEADERFUNCTION, takeField)
    handle.set(CURLOPT_HEADERDATA, own)
    ccurl_set_data_function(handle.pointer, CURLOPT_WRITEFUNCTION, takeBody)
    handle.set(CURLOPT_WRITEDATA, own)
  }

  /// With a rate limit, libcurl asks for each piece; otherwise it sends directly from the bytes.
  private func setBody(on handle: CurlHandle, _ own: UnsafeMutableRawPointer) {
    switch request.method {
    case .get: return
    case .head: return handle.set(CURLOPT_NOBODY, 1)
    case .delete: return handle.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    case .post: handle.set(CURLOPT_POST, 1)
    case .put:
      handle.set(CURLOPT_POST, 1)
      handle.set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
    }
    let byteCount = request.body?.byteCount ?? 0
    handle.setCount(CURLOPT_POSTFIELDSIZE_LARGE, byteCount)
    if rates?.limitsUploads == true {
      ccurl_set_data_function(handle.pointer, CURLOPT_READFUNCTION, giveBody)
      handle.set(CURLOPT_READDATA, own)
      ccurl_set_seek_function(handle.pointer, rewindBody)
      handle.set(CURLOPT_SEEKDATA, own)
    } else {
      // The bytes stay in place as long as they exist, and `request` keeps them.
      let start = request.body?.withUnsafeBytes { $0.baseAddress }
      handle.set(CURLOPT_POSTFIELDS, start ?? UnsafeRawPointer(errorText))
    }
  }

  /// The result of the request, which ended with `code`.
  func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPFailure> {
    guard let handle else { return .failure(.cancelled) }
    beginAnswer(handle)
    if let response = answer.response(isWhole: code == CURLE_OK) { return .success(response) }
    return .failure(HTTPFailure(code, text: String(cString: errorText), on: handle, origin))
  }

  /// Passes the result to the waiting task; the handle may be reused from now on.
  func end(_ result: Result<HTTPResponse, HTTPFailure>) {
    handle = nil
    ccurl_slist_free_all(fieldList)
    fieldList = nil
    continuation.take()?.resume(returning: result)
  }

  // MARK: Rates

  /// How long it is paused for; nil if it is not paused.
  var pauseLeft: Duration? {
    switch pause {
    case .sending: rates?.sendingDelay
    case .receiving: rates?.receivingDelay
    case nil: nil
    }
  }

  /// Resumes the request.
  func resume() {
    pause = nil
    if let handle { ccurl_easy_pause(handle.pointer, CURLPAUSE_CONT) }
  }

  private var isSmall: Bool { request.byteLimit <= TransferRates.smallByteCount }

  // MARK: libcurl's calls

  fileprivate func take(_ field: UnsafeRawBufferPointer) -> Int {
    // The header of an interim answer (100) or of a proxy is followed by another one.
    if field.starts(with: Self.statusLineStart) { answer.beginFields() }
    return answer.take(field: field) ? field.count : 0
  }

  fileprivate func take(body: UnsafeRawBufferPointer) -> Int {
    guard let handle else { return 0 }
    // The size of an answer is known only once it has arrived: a list of locks may have any size, and usually has a few
    // bytes.
    let isBeginning = receivedByteCount + body.count <= TransferRates.smallByteCount
    guard rates?.receive(body.count, isSmall: isSmall || isBeginning) != false else {
      pause = .receiving
      return Int(CURL_WRITEFUNC_PAUSE)
    }
    receivedByteCount += body.count
    beginAnswer(handle)
    return answer.take(body: body) ? body.count : 0
  }

  /// The first bytes of the body have arrived, or there are none.
  private func beginAnswer(_ handle: CurlHandle) {
    guard !answer.hasBegun else { return }
    let byteCount = handle.count(CURLINFO_CONTENT_LENGTH_DOWNLOAD_T)
    let seconds = handle.count(CURLINFO_RETRY_AFTER)
    answer.begin(
      status: handle.number(CURLINFO_RESPONSE_CODE), statedByteCount: byteCount < 0 ? nil : byteCount,
      retryAfter: seconds > 0 ? .seconds(min(seconds, Int(Int32.max))) : nil)
  }

  fileprivate func give(_ memory: UnsafeMutableRawBufferPointer) -> Int {
    guard let body = request.body, sentByteCount < body.byteCount else { return 0 }
    let wanted = min(memory.count, body.byteCount - sentByteCount)
    let count = rates?.send(upTo: wanted, isSmall: isSmall) ?? wanted
    guard count > 0 else {
      pause = .sending
      return Int(CURL_READFUNC_PAUSE)
    }
    body.withUnsafeBytes { bytes in
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[sentByteCount..<sentByteCount + count]))
    }
    sentByteCount += count
    return count
  }

  fileprivate func rewind(to offset: Int) {
    sentByteCount = offset
  }
}

private func transfer(_ context: UnsafeMutableRawPointer?) -> CurlTransfer? {
  context.map { Unmanaged<CurlTransfer>.fromOpaque($0).takeUnretainedValue() }
}

/// CURLOPT_HEADERFUNCTION: one line of the header.
private func takeField(
  _ start: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  transfer(context)?.take(UnsafeRawBufferPointer(start: start, count: size * count)) ?? 0
}

/// CURLOPT_WRITEFUNCTION: a piece of the body.
private func takeBody(
  _ start: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  transfer(context)?.take(body: UnsafeRawBufferPointer(start: start, count: size * count)) ?? 0
}

/// CURLOPT_READFUNCTION: memory for a piece of what is sent.
private func giveBody(
  _ start: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  transfer(context)?.give(UnsafeMutableRawBufferPointer(start: start, count: size * count)) ?? 0
}

/// CURLOPT_SEEKFUNCTION: a reused connection turned out to be closed, and the request is sent again on a new one.
private func rewindBody(_ context: UnsafeMutableRawPointer?, _ offset: curl_off_t, _ origin: Int32) -> Int32 {
  guard origin == SEEK_SET, let transfer = transfer(context) else { return CURL_SEEKFUNC_FAIL }
  transfer.rewind(to: Int(offset))
  return CURL_SEEKFUNC_OK
}
