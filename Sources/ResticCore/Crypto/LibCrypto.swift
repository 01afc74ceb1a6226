import COpenSSL

/// libcrypto's algorithms, looked up once in each process: a fetched algorithm is immutable and shared by all threads,
/// and a lookup by name costs more than hashing a small tree. Contexts are made for each call and never shared.
enum LibCrypto {
  /// `EVP_MD` of SHA-256.
  nonisolated(unsafe) static let sha256: OpaquePointer = required(EVP_MD_fetch(nil, "SHA256", nil), "SHA-256")
  /// `EVP_MD` of SHA-1.
  nonisolated(unsafe) static let sha1: OpaquePointer = required(EVP_MD_fetch(nil, "SHA1", nil), "SHA-1")
  /// `EVP_CIPHER` of AES-256 in counter mode.
  nonisolated(unsafe) static let aes256CTR: OpaquePointer =
    required(EVP_CIPHER_fetch(nil, "AES-256-CTR", nil), "AES-256-CTR")
  /// `EVP_CIPHER` of single AES-128 blocks.
  nonisolated(unsafe) static let aes128ECB: OpaquePointer =
    required(EVP_CIPHER_fetch(nil, "AES-128-ECB", nil), "AES-128")
  /// `EVP_MAC` of Poly1305.
  nonisolated(unsafe) static let poly1305: OpaquePointer =
    required(EVP_MAC_fetch(nil, "POLY1305", nil), "Poly1305")

  /// `pointer`, which is nil only if libcrypto was built without `name` or memory has run out.
  static func required(_ pointer: OpaquePointer?, _ name: String) -> OpaquePointer {
    guard let pointer else { preconditionFailure("libcrypto offers no \(name)") }
    return pointer
  }

  /// Stops the program if `status` is not 1, libcrypto's success: with this program's arguments, only a broken library
  /// fails.
  static func check(_ status: CInt, _ call: StaticString) {
    precondition(status == 1, "libcrypto's \(call) failed")
  }
}
