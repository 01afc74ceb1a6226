import CSodium

extension GoJSON {
  /// The length of the base64 text, with padding, of `byteCount` bytes.
  static func base64Count(byteCount: Int) -> Int { (byteCount + 2) / 3 * 4 }

  /// Writes `bytes` as standard base64 with padding to `target`, which has room for `base64Count` bytes and one more;
  /// that one becomes 0.
  ///
  /// libsodium uses no table: this also encodes keys, and table lookups could leak them through the cache.
  static func encodeBase64(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) {
    let count = base64Count(byteCount: bytes.count) + 1
    target.withMemoryRebound(to: CChar.self, capacity: count) { text in
      _ = sodium_bin2base64(
        text, count, bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count, sodium_base64_VARIANT_ORIGINAL)
    }
  }

  /// Decodes standard base64 with padding into `target`. Returns the number of bytes written, or nil if `text` is not
  /// base64.
  ///
  /// `target` has room for `text.count / 4 * 3` bytes. Two things that Go accepts but no JSON encoder writes are
  /// refused: line breaks, and set bits in the unused part of the last digit.
  static func decodeBase64(_ text: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) -> Int? {
    var count = 0
    let result = sodium_base642bin(
      target, text.count / 4 * 3, text.assumingMemoryBound(to: CChar.self).baseAddress, text.count, nil, &count, nil,
      sodium_base64_VARIANT_ORIGINAL)
    return result == 0 ? count : nil
  }
}
