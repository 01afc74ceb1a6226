import COpenSSL

/// MD5, for servers that require it against damage in transfer. It does not prove who wrote the bytes.
enum MD5 {
  private static let byteCount = 16
  /// Nil if libcrypto has no MD5: on a system that allows only FIPS 140's algorithms.
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
