import COpenSSL

/// MD5, for servers that want it against damage on the way. It proves nothing about who wrote something.
enum MD5 {
  private static let byteCount = 16
  /// Nil where libcrypto has none: a system that allows FIPS 140's algorithms only.
  nonisolated(unsafe) private static let algorithm = EVP_MD_fetch(nil, "MD5", nil)

  /// The hash of `bytes`; nil where libcrypto has no MD5.
  static func hash(of bytes: UnsafeRawBufferPointer) -> [UInt8]? {
    guard let algorithm else { return nil }
    return [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
      LibCrypto.check(
        EVP_Digest(bytes.baseAddress, bytes.count, output.baseAddress, nil, algorithm, nil), "EVP_Digest")
      count = byteCount
    }
  }
}
