import COpenSSL

/// AES-256 in counter mode with a 128-bit big-endian counter; sealing and opening are the same operation.
enum AESCounterMode {
  /// The most that goes to libcrypto in one call, whose lengths are 32-bit.
  private static let pieceByteCount = 1 << 30

  /// Writes `input` XOR key stream to `output`, which has as many bytes and may be the same memory.
  /// `key` holds 32 bytes, `iv` 16: the first counter.
  static func apply(
    key: UnsafeRawPointer, iv: UnsafeRawPointer, input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer
  ) {
    guard let source = input.baseAddress, input.count > 0 else { return }
    let context = LibCrypto.required(EVP_CIPHER_CTX_new(), "cipher context")
    defer { EVP_CIPHER_CTX_free(context) }
    LibCrypto.check(
      EVP_EncryptInit_ex2(
        context, LibCrypto.aes256CTR, key.assumingMemoryBound(to: UInt8.self), iv.assumingMemoryBound(to: UInt8.self),
        nil),
      "EVP_EncryptInit_ex2")
    var offset = 0
    while offset < input.count {
      let byteCount = min(pieceByteCount, input.count - offset)
      var written: CInt = 0
      LibCrypto.check(
        EVP_EncryptUpdate(
          context, (output + offset).assumingMemoryBound(to: UInt8.self), &written,
          (source + offset).assumingMemoryBound(to: UInt8.self), CInt(byteCount)),
        "EVP_EncryptUpdate")
      precondition(Int(written) == byteCount, "counter mode keeps lengths")
      offset += byteCount
    }
  }
}
