import COpenSSL

/// SHA-256 of bytes that arrive piece by piece, such as a pack while it is filled.
///
/// Use: `update` any number of times, then `finish` once. One thread at a time.
public final class SHA256Hasher {
  private let context: OpaquePointer
  private var isFinished = false

  /// A hasher that has seen nothing yet.
  public init() {
    context = LibCrypto.required(EVP_MD_CTX_new(), "digest context")
    LibCrypto.check(EVP_DigestInit_ex2(context, LibCrypto.sha256, nil), "EVP_DigestInit_ex2")
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Appends `bytes` to what is hashed.
  public func update(_ bytes: UnsafeRawBufferPointer) {
    precondition(!isFinished, "this hash is finished")
    LibCrypto.check(EVP_DigestUpdate(context, bytes.baseAddress, bytes.count), "EVP_DigestUpdate")
  }

  /// Appends `bytes` to what is hashed.
  public func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The id of everything passed to `update`, in order. The hasher is used up.
  public func finish<Kind>(as type: ID<Kind>.Type = ID<Kind>.self) -> ID<Kind> {
    precondition(!isFinished, "this hash is finished")
    isFinished = true
    return withUnsafeTemporaryAllocation(byteCount: ID<Kind>.byteCount, alignment: 8) { digest in
      let status = EVP_DigestFinal_ex(context, digest.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
      LibCrypto.check(status, "EVP_DigestFinal_ex")
      return ID(bytes: UnsafeRawBufferPointer(digest))
    }
  }
}
