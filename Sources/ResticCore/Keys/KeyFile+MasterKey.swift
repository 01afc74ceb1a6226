extension KeyFile {
  /// The only key derivation that restic knows.
  private static let scrypt = "scrypt"
  /// Source: restic, internal/crypto/kdf.go.
  private static let saltByteCount = 64

  /// The master key, if `password` is right. Throws `CryptoError.wrongMAC` if it is not, and another error if the file
  /// is malformed.
  func open(_ password: SecureBytes) throws -> MasterKey {
    guard kdf == Self.scrypt else { throw FormatError("unknown key derivation function \"\(kdf)\"") }
    let userKey = MasterKey(
      rawBytes: try Scrypt.derive(
        password: password, salt: salt, cost: ScryptCost(n: costN, r: costR, p: costP)))
    var plaintext = try userKey.open(data)
    let json = SecureBytes(wiping: &plaintext)
    let rawKey = SecureBytes(byteCount: MasterKeyFile.rawByteCount)
    try json.withUnsafeBytes { json throws(FormatError) in
      try rawKey.withUnsafeMutableBytes { rawKey throws(FormatError) in try MasterKeyFile.decode(json, into: rawKey) }
    }
    return MasterKey(rawBytes: rawKey)
  }

  /// A key file that seals `masterKey` with `password`.
  static func make(
    sealing masterKey: MasterKey, password: SecureBytes, cost: ScryptCost, identity: ClientIdentity, created: Timestamp
  ) throws(CryptoError) -> KeyFile {
    let salt = SecureRandom.bytes(saltByteCount)
    let userKey = MasterKey(rawBytes: try Scrypt.derive(password: password, salt: salt, cost: cost))
    var json = masterKey.withRawBytes { MasterKeyFile.encode($0) }
    let data = userKey.seal(json)
    _ = SecureBytes(wiping: &json)
    return KeyFile(
      created: created, username: identity.username, hostname: identity.hostname, kdf: scrypt, costN: cost.n,
      costR: cost.r, costP: cost.p, salt: salt, data: data)
  }
}
