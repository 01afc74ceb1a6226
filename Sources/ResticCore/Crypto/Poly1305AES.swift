import COpenSSL
import CSodium

/// Bernstein's Poly1305-AES: a 16-byte MAC over a message, with a nonce that must never repeat under one key.
///
/// The Poly1305 key is `r (16) ‖ AES-128 of the nonce under k (16)`. Bits of `r` that Poly1305 wants cleared are cleared
/// by libcrypto as it reads the key, so an `r` stored unmasked is fine.
/// Source: "The Poly1305-AES message-authentication code" (2005).
enum Poly1305AES {
  /// The bytes of a MAC, a nonce, `k` and `r` each.
  static let byteCount = 16

  /// Writes the MAC of `message` to `mac`. `k`, `r`, `nonce` and `mac` each point to 16 bytes.
  static func authenticate(
    _ message: UnsafeRawBufferPointer, k: UnsafeRawPointer, r: UnsafeRawPointer, nonce: UnsafeRawPointer,
    mac: UnsafeMutableRawPointer
  ) {
    let stream = Stream(k: k, r: r, nonce: nonce)
    stream.update(message)
    stream.finish(mac)
  }

  /// The MAC of a message that arrives piece by piece: `update` any number of times, then `finish` once. One thread at a
  /// time.
  final class Stream {
    private let context: OpaquePointer

    /// Nothing yet. `k`, `r` and `nonce` each point to 16 bytes.
    init(k: UnsafeRawPointer, r: UnsafeRawPointer, nonce: UnsafeRawPointer) {
      context = LibCrypto.required(EVP_MAC_CTX_new(LibCrypto.poly1305), "MAC context")
      withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * byteCount) { key in
        guard let keyStart = key.baseAddress else { return }
        defer { sodium_memzero(keyStart, key.count) }
        UnsafeMutableRawPointer(keyStart).copyMemory(from: r, byteCount: byteCount)
        encryptBlock(nonce, key: k, to: keyStart + byteCount)
        LibCrypto.check(EVP_MAC_init(context, keyStart, key.count, nil), "EVP_MAC_init")
      }
    }

    deinit {
      EVP_MAC_CTX_free(context)
    }

    /// Appends `bytes` to the message.
    func update(_ bytes: UnsafeRawBufferPointer) {
      guard let start = bytes.baseAddress, bytes.count > 0 else { return }
      LibCrypto.check(EVP_MAC_update(context, start.assumingMemoryBound(to: UInt8.self), bytes.count), "EVP_MAC_update")
    }

    /// Writes the MAC to `mac`, which points to 16 bytes.
    func finish(_ mac: UnsafeMutableRawPointer) {
      var written = 0
      LibCrypto.check(
        EVP_MAC_final(context, mac.assumingMemoryBound(to: UInt8.self), &written, byteCount), "EVP_MAC_final")
      precondition(written == byteCount, "a Poly1305 MAC has 16 bytes")
    }
  }

  /// Writes AES-128 of the one block at `block` under the 16 bytes at `key` to `output`.
  private static func encryptBlock(
    _ block: UnsafeRawPointer, key: UnsafeRawPointer, to output: UnsafeMutablePointer<UInt8>
  ) {
    let context = LibCrypto.required(EVP_CIPHER_CTX_new(), "cipher context")
    defer { EVP_CIPHER_CTX_free(context) }
    LibCrypto.check(
      EVP_EncryptInit_ex2(context, LibCrypto.aes128ECB, key.assumingMemoryBound(to: UInt8.self), nil, nil),
      "EVP_EncryptInit_ex2")
    LibCrypto.check(EVP_CIPHER_CTX_set_padding(context, 0), "EVP_CIPHER_CTX_set_padding")
    var written: CInt = 0
    LibCrypto.check(
      EVP_EncryptUpdate(context, output, &written, block.assumingMemoryBound(to: UInt8.self), CInt(byteCount)),
      "EVP_EncryptUpdate")
    precondition(written == byteCount, "an AES block has 16 bytes")
  }
}
