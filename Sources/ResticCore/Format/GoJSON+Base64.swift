extension GoJSON {
  /// Bytes of `byteCount` bytes in standard base64 with padding.
  static func base64Count(byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

  /// Writes `bytes` as standard base64 with padding to `target`, which has room for `base64Count` bytes.
  ///
  /// Arithmetic only, no table: also used for keys, where a table look-up could leak through the cache.
  static func encodeBase64(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) {
    var output = target
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      var group = UInt32(bytes[index]) << 16
      if left > 1 { group |= UInt32(bytes[index + 1]) << 8 }
      if left > 2 { group |= UInt32(bytes[index + 2]) }
      output[0] = base64Digit(group >> 18 & 63)
      output[1] = base64Digit(group >> 12 & 63)
      output[2] = left > 1 ? base64Digit(group >> 6 & 63) : UInt8(ascii: "=")
      output[3] = left > 2 ? base64Digit(group & 63) : UInt8(ascii: "=")
      output += 4
      index += 3
    }
  }

  /// Decodes standard base64 with padding into `target` and returns the number of bytes written, or nil if it isn't
  /// that.
  ///
  /// `target` has room for `text.count / 4 * 3` bytes. As in Go, unused bits of the last digit may be set; line breaks,
  /// which Go would skip, are refused: no JSON encoder writes them.
  static func decodeBase64(_ text: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) -> Int? {
    guard text.count % 4 == 0 else { return nil }
    guard text.count > 0 else { return 0 }
    let padding = UInt8(ascii: "=")
    let last = text.count - 4
    let padCount = text[last + 3] != padding ? 0 : text[last + 2] != padding ? 1 : 2
    var written = 0
    var index = 0
    while index <= last {
      let digitCount = index == last ? 4 - padCount : 4
      var group: UInt32 = 0
      var isValid = true
      for digit in 0..<digitCount {
        let value = base64Value(text[index + digit])
        isValid = isValid && value < 64
        group |= UInt32(value & 63) << UInt32(18 - 6 * digit)
      }
      guard isValid else { return nil }
      target[written] = UInt8(truncatingIfNeeded: group >> 16)
      written += 1
      if digitCount > 2 {
        target[written] = UInt8(truncatingIfNeeded: group >> 8)
        written += 1
      }
      if digitCount > 3 {
        target[written] = UInt8(truncatingIfNeeded: group)
        written += 1
      }
      index += 4
    }
    return written
  }

  /// The digit for `value` below 64, chosen without branches or memory that depend on it.
  @inline(__always)
  private static func base64Digit(_ value: UInt32) -> UInt8 {
    let value = Int32(truncatingIfNeeded: value)
    // Each term is -1 (all ones) when `value` is past that bound, and adds the step from one range to the next.
    var digit = value &+ 65
    digit &+= ((25 &- value) >> 31) & 6
    digit &-= ((51 &- value) >> 31) & 75
    digit &-= ((61 &- value) >> 31) & 15
    digit &+= ((62 &- value) >> 31) & 3
    return UInt8(truncatingIfNeeded: digit)
  }

  /// The value of `digit`, or 255 if it is none.
  @inline(__always)
  private static func base64Value(_ digit: UInt8) -> UInt8 {
    let digit = Int32(digit)
    // `inside` is all ones when low <= digit <= high.
    func inside(_ low: Int32, _ high: Int32) -> Int32 { ~((digit &- low) >> 31 | (high &- digit) >> 31) }
    var value: Int32 = 255
    value ^= inside(65, 90) & (255 ^ (digit &- 65))
    value ^= inside(97, 122) & (255 ^ (digit &- 71))
    value ^= inside(48, 57) & (255 ^ (digit &+ 4))
    value ^= inside(43, 43) & (255 ^ 62)
    value ^= inside(47, 47) & (255 ^ 63)
    return UInt8(truncatingIfNeeded: value)
  }
}
