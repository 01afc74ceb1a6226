internal import CCurl
internal import Glibc

/// libcurl's easy handle: one request at a time, reused. Belongs to the thread that uses it.
struct CurlHandle {
  /// libcurl's pointer for the handle.
  let pointer: UnsafeMutableRawPointer

  /// A new handle; nil if the system has no memory.
  init?() {
    guard let pointer = ccurl_easy_init() else { return nil }
    self.pointer = pointer
  }

  /// Sets an option to a number.
  func set(_ option: CURLoption, _ value: Int) { expectSet(option, ccurl_set_long(pointer, option, value)) }

  /// Sets an option to a size.
  func setCount(_ option: CURLoption, _ value: Int) {
    expectSet(option, ccurl_set_count(pointer, option, curl_off_t(value)))
  }

  /// Sets an option to a text, which libcurl copies.
  func set(_ option: CURLoption, _ value: String) { expectSet(option, ccurl_set_text(pointer, option, value)) }

  /// Sets an option to a pointer. Its target must stay in place while the handle is in use.
  func set(_ option: CURLoption, _ value: UnsafeRawPointer?) {
    expectSet(option, ccurl_set_pointer(pointer, option, value))
  }

  /// Sets an option to bytes, which libcurl copies.
  func set(_ option: CURLoption, _ bytes: [UInt8]) {
    expectSet(option, bytes.withUnsafeBytes { ccurl_set_blob(pointer, option, $0.baseAddress, $0.count) })
  }

  /// Information of libcurl about the request, as a number.
  func number(_ info: CURLINFO) -> Int {
    var value = 0
    return ccurl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
  }

  /// Information of libcurl about the request, as a size or in microseconds.
  func count(_ info: CURLINFO) -> Int {
    var value: curl_off_t = 0
    return ccurl_get_count(pointer, info, &value) == CURLE_OK ? Int(value) : 0
  }

  /// Resets all options; connections belong to the multi handle.
  func reset() { ccurl_easy_reset(pointer) }

  /// Frees the handle.
  func cleanUp() { ccurl_easy_cleanup(pointer) }

  /// A supported option is refused only if there is no memory for the value.
  private func expectSet(_ option: CURLoption, _ code: CURLcode) {
    precondition(
      code == CURLE_OK, "libcurl does not take option \(option.rawValue): \(String(cString: ccurl_easy_strerror(code)))"
    )
  }
}
