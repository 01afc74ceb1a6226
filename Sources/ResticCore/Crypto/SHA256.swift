import COpenSSL

/// SHA-256 of bytes that are in memory at once; `StreamHasher` takes them piece by piece.
public enum SHA256 {
  /// The id of `bytes`: of a blob's plaintext, or of a file as it is stored.
  public static func id<Kind>(of bytes: UnsafeRawBufferPointer, as type: ID<Kind>.Type = ID<Kind>.self) -> ID<Kind> {
    withUnsafeTemporaryAllocation(byteCount: ID<Kind>.byteCount, alignment: 8) { digest in
      let status = EVP_Digest(
        bytes.baseAddress, bytes.count, digest.baseAddress?.assumingMemoryBound(to: UInt8.self), nil,
        LibCrypto.sha256, nil)
      LibCrypto.check(status, "EVP_Digest")
      return ID(bytes: UnsafeRawBufferPointer(digest))
    }
  }

  /// The id of `bytes`: of a blob's plaintext, or of a file as it is stored.
  public static func id<Kind>(of bytes: [UInt8], as type: ID<Kind>.Type = ID<Kind>.self) -> ID<Kind> {
    bytes.withUnsafeBytes { id(of: $0) }
  }
}
