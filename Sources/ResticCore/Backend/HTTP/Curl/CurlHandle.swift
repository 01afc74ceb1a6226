internal import CCurl
internal import Glibc

/// libcurl's easy handle: one request at a time, again and again. Belongs to the thread that uses it.
struct CurlHandle {
  /// What libcurl calls it.
  let pointer: UnsafeMutableRawPointer

  /// A new handle; nil where the system has no memory.
  init?() {
    guard let pointer = ccurl_easy_init() else { return nil }
    self.pointer = pointer
  }

  /// Gives a number to an option.
  func set(_ option: CURLoption, _ value: Int) { expectSet(option, ccurl_set_long(pointer, option, value)) }

  /// Gives a size to an option.
  func setCount(_ option: CURLoption, _ value: Int) {
    expectSet(option, ccurl_set_count(pointer, option, curl_off_t(value)))
  }

  /// Gives a text to an option, which keeps a copy.
  func set(_ option: CURLoption, _ value: String) { expectSet(option, ccurl_set_text(pointer, option, value)) }

  /// Gives a pointer to an option. What it points to stays where it is for as long as the handle is at work.
  func set(_ option: CURLoption, _ value: UnsafeRawPointer?) {
    expectSet(option, ccurl_set_pointer(pointer, option, value))
  }

  /// Gives bytes to an option, which keeps a copy.
  func set(_ option: CURLoption, _ bytes: [UInt8]) {
    expectSet(option, bytes.withUnsafeBytes { ccurl_set_blob(pointer, option, $0.baseAddress, $0.count) })
  }

  /// What libcurl knows of the request, as a number.
  func number(_ info: CURLINFO) -> Int {
    var value = 0
    return ccurl_get_long(pointer, info, &value) == CURLE_OK ? value : 0
  }

  /// What libcurl knows of the request, as a size or in microseconds.
  func count(_ info: CURLINFO) -> Int {
    var value: curl_off_t = 0
    return ccurl_get_count(pointer, info, &value) == CURLE_OK ? Int(value) : 0
  }

  /// Forgets all options; connections are the multi handle's.
  func reset() { ccurl_easy_reset(pointer) }

  /// Ends it.
  func cleanUp() { ccurl_easy_cleanup(pointer) }

  /// An option that this libcurl has is refused only if there is no memory for the value.
  private func expectSet(_ option: CURLoption, _ code: CURLcode) {
    precondition(
      code == CURLE_OK, "libcurl does not take option \(option.rawValue): \(String(cString: ccurl_easy_strerror(code)))"
    )
  }
}
