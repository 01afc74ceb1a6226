import CSodium

/// The key that seals everything in a repository, or that a password yields to seal a key file.
///
/// Layout: `encrypt 32 ‖ k 16 ‖ r 16`, which is also the order in which scrypt's output is used.
/// Sealed bytes are `IV 16 ‖ AES-256-CTR ciphertext ‖ Poly1305-AES MAC 16`; the MAC covers the ciphertext, its nonce is
/// the IV. Immutable, so any thread may use it.
/// Source: restic design document, "Keys, Encryption and MAC".
public final class MasterKey: Sendable {
  /// What sealing adds to a plaintext: the IV and the MAC.
  public static let overhead = ivByteCount + Poly1305AES.byteCount
  /// The bytes of a key.
  public static let byteCount = 64
  /// The bytes before the ciphertext.
  static let ivByteCount = 16
  private static let kOffset = 32
  private static let rOffset = 48

  private let bytes: SecureBytes

  /// The key in `rawBytes`, which holds exactly 64 bytes. After this call, nobody may write to `rawBytes`.
  ///
  /// Clears the bits of `r` that Poly1305 ignores, as restic does before it writes a key file: all key files of a repository
  /// yield the same 64 bytes, whichever program has written them, and so the same derived keys.
  /// Source: restic, internal/crypto, the mask of MACKey.R; RFC 8439, section 2.5.
  public init(rawBytes: SecureBytes) {
    precondition(rawBytes.byteCount == Self.byteCount, "a key has 64 bytes")
    rawBytes.withUnsafeMutableBytes { bytes in
      for index in [3, 7, 11, 15] { bytes[Self.rOffset + index] &= 0x0F }
      for index in [4, 8, 12] { bytes[Self.rOffset + index] &= 0xFC }
    }
    bytes = rawBytes
  }

  /// A new key from the system's random generator.
  public static func random() -> MasterKey {
    let bytes = SecureBytes(byteCount: byteCount)
    bytes.withUnsafeMutableBytes { SecureRandom.fill($0) }
    return MasterKey(rawBytes: bytes)
  }

  /// A key of its own for `purpose`: what either key has sealed is nothing to the other, and the new key tells nothing of
  /// this one. The same purpose gives the same key.
  ///
  /// BLAKE2b of the purpose, keyed with this key: 64 bytes of each. Source: libsodium, crypto_generichash.
  func derived(for purpose: StaticString) -> MasterKey {
    let derived = SecureBytes(byteCount: Self.byteCount)
    derived.withUnsafeMutableBytes { output in
      bytes.withUnsafeBytes { key in
        guard let output = output.baseAddress, let key = key.baseAddress else { return }
        let status = crypto_generichash(
          output.assumingMemoryBound(to: UInt8.self), Self.byteCount, purpose.utf8Start,
          UInt64(purpose.utf8CodeUnitCount), key.assumingMemoryBound(to: UInt8.self), Self.byteCount)
        precondition(status == 0, "BLAKE2b takes a key of 64 bytes and gives as many")
      }
    }
    return MasterKey(rawBytes: derived)
  }

  /// Lends the 64 bytes, to write a key file; the pointer is valid during the call only.
  public func withRawBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try bytes.withUnsafeBytes(body)
  }

  /// Seals `plaintext` as `IV ‖ ciphertext ‖ MAC`, `plaintext.count + overhead` bytes.
  ///
  /// The IV is fresh and random per call. Empty input is allowed.
  public func seal(_ plaintext: UnsafeRawBufferPointer) -> [UInt8] {
    withUnsafeTemporaryAllocation(byteCount: Self.ivByteCount, alignment: 8) { iv in
      SecureRandom.fill(iv)
      return seal(plaintext, iv: UnsafeRawBufferPointer(iv))
    }
  }

  /// Seals `plaintext` as `IV ‖ ciphertext ‖ MAC`, `plaintext.count + overhead` bytes.
  public func seal(_ plaintext: [UInt8]) -> [UInt8] {
    plaintext.withUnsafeBytes { seal($0) }
  }

  /// Seals `plaintext` into `output`, which has exactly `plaintext.count + overhead` bytes. The plaintext may lie in it
  /// already, `ivByteCount` bytes from its start.
  public func seal(_ plaintext: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
    withUnsafeTemporaryAllocation(byteCount: Self.ivByteCount, alignment: 8) { iv in
      SecureRandom.fill(iv)
      seal(plaintext, iv: UnsafeRawBufferPointer(iv), into: output)
    }
  }

  /// Seals with a given 16-byte IV, for published vectors; an IV that is used twice gives both plaintexts away.
  func seal(_ plaintext: UnsafeRawBufferPointer, iv: UnsafeRawBufferPointer) -> [UInt8] {
    let byteCount = plaintext.count + Self.overhead
    return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
      seal(
        plaintext, iv: iv,
        into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<byteCount]))
      initializedCount = byteCount
    }
  }

  private func seal(
    _ plaintext: UnsafeRawBufferPointer, iv: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
  ) {
    precondition(iv.count == Self.ivByteCount, "an IV has 16 bytes")
    precondition(buffer.count == plaintext.count + Self.overhead, "exactly as much room as it takes")
    bytes.withUnsafeBytes { key in
      guard let key = key.baseAddress, let output = buffer.baseAddress else { return }
      buffer.copyMemory(from: iv)
      let ciphertext = output + Self.ivByteCount
      AESCounterMode.apply(key: key, iv: output, input: plaintext, output: ciphertext)
      Poly1305AES.authenticate(
        UnsafeRawBufferPointer(start: ciphertext, count: plaintext.count), k: key + Self.kOffset,
        r: key + Self.rOffset, nonce: output, mac: ciphertext + plaintext.count)
    }
  }

  /// The plaintext of `sealed`. The MAC is checked first and in constant time; nothing is decrypted if it is wrong.
  public func open(_ sealed: UnsafeRawBufferPointer) throws(CryptoError) -> [UInt8] {
    let ciphertext = try authenticCiphertext(of: sealed)
    return [UInt8](unsafeUninitializedCapacity: ciphertext.count) { buffer, initializedCount in
      decrypt(ciphertext, of: sealed, into: UnsafeMutableRawBufferPointer(buffer))
      initializedCount = ciphertext.count
    }
  }

  /// Puts the plaintext of `sealed` behind what is in `output`, which has room for it. The MAC is checked first.
  func open(_ sealed: UnsafeRawBufferPointer, into output: PooledBytes) throws(CryptoError) {
    let ciphertext = try authenticCiphertext(of: sealed)
    output.append(upTo: ciphertext.count) { buffer in
      decrypt(ciphertext, of: sealed, into: buffer)
      return ciphertext.count
    }
  }

  /// Lends the plaintext of `sealed` to `body`, one piece of at most `pieceByteCount` bytes after the other; the pointer is
  /// valid during the call only. The MAC is checked first.
  func open(
    _ sealed: UnsafeRawBufferPointer, inPiecesOf pieceByteCount: Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(CryptoError) {
    let ciphertext = try authenticCiphertext(of: sealed)
    bytes.withUnsafeBytes { key in
      guard let key = key.baseAddress, let iv = sealed.baseAddress else { return }
      AESCounterMode.apply(key: key, iv: iv, input: ciphertext, inPiecesOf: pieceByteCount, body)
    }
  }

  private func decrypt(
    _ ciphertext: UnsafeRawBufferPointer, of sealed: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) {
    bytes.withUnsafeBytes { key in
      guard let key = key.baseAddress, let iv = sealed.baseAddress, let output = output.baseAddress else { return }
      AESCounterMode.apply(key: key, iv: iv, input: ciphertext, output: output)
    }
  }

  /// The ciphertext in `sealed`, if its MAC is right.
  private func authenticCiphertext(of sealed: UnsafeRawBufferPointer) throws(CryptoError) -> UnsafeRawBufferPointer {
    guard sealed.count >= Self.overhead, let input = sealed.baseAddress else { throw .truncated }
    let ciphertext = UnsafeRawBufferPointer(start: input + Self.ivByteCount, count: sealed.count - Self.overhead)
    guard isAuthentic(ciphertext, nonce: input, mac: input + Self.ivByteCount + ciphertext.count) else {
      throw .wrongMAC
    }
    return ciphertext
  }

  /// The plaintext of `sealed`. The MAC is checked first and in constant time; nothing is decrypted if it is wrong.
  public func open(_ sealed: [UInt8]) throws(CryptoError) -> [UInt8] {
    try sealed.span.bytes.withUnsafeBytes { (sealed) throws(CryptoError) in try open(sealed) }
  }

  private func isAuthentic(_ ciphertext: UnsafeRawBufferPointer, nonce: UnsafeRawPointer, mac: UnsafeRawPointer) -> Bool
  {
    let verification = Verification(self, iv: nonce)
    verification.update(ciphertext)
    return verification.isAuthentic(mac: mac)
  }

  /// Checks the MAC of sealed bytes that arrive piece by piece: `update` any number of times, then `isAuthentic` once. One
  /// thread at a time.
  final class Verification {
    private let stream: Poly1305AES.Stream

    /// Nothing yet. `iv` points to the 16 bytes that the sealed bytes begin with.
    init(_ key: MasterKey, iv: UnsafeRawPointer) {
      stream = key.bytes.withUnsafeBytes { key in
        guard let key = key.baseAddress else { preconditionFailure("a key has 64 bytes") }
        return Poly1305AES.Stream(k: key + kOffset, r: key + rOffset, nonce: iv)
      }
    }

    /// Goes on with the next bytes of the ciphertext.
    func update(_ ciphertext: UnsafeRawBufferPointer) {
      stream.update(ciphertext)
    }

    /// Whether the 16 bytes at `mac`, the last of the sealed bytes, are right. Takes the same time whatever they are.
    func isAuthentic(mac: UnsafeRawPointer) -> Bool {
      withUnsafeTemporaryAllocation(byteCount: Poly1305AES.byteCount, alignment: 8) { expected in
        guard let expected = expected.baseAddress else { return false }
        stream.finish(expected)
        return sodium_memcmp(expected, mac, Poly1305AES.byteCount) == 0
      }
    }
  }
}

extension MasterKey: CustomStringConvertible, CustomReflectable {
  /// No part of the key.
  public var description: String { "a secret key" }

  /// No children, so that `dump` shows nothing either.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
