import COpenSSL

/// HMAC with SHA-256 (RFC 2104, FIPS 198-1).
enum HMACSHA256 {
  /// The bytes of a code.
  static let byteCount = 32

  /// The code of `message` under `key`, both of any length.
  static func code(of message: [UInt8], key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
      let result = EVP_Q_mac(
        nil, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, output.baseAddress, byteCount, &count)
      precondition(result != nil && count == byteCount, "libcrypto's EVP_Q_mac failed")
    }
  }
}
