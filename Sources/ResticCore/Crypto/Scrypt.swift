import CSodium

/// Turns a password into a key, at a cost that makes guessing dear. Source: RFC 7914; libsodium does it.
public enum Scrypt {
  /// 64 bytes, to be used as `MasterKey(rawBytes:)`.
  ///
  /// Blocks for as long as `cost` says and takes its memory; throws `.unacceptableCost` before allocating anything when
  /// the cost is invalid or beyond reason.
  public static func derive(
    password: SecureBytes, salt: [UInt8], cost: ScryptCost
  ) throws(CryptoError) -> SecureBytes {
    guard cost.isAcceptable, let r = UInt32(exactly: cost.r), let p = UInt32(exactly: cost.p) else {
      throw .unacceptableCost(cost)
    }
    let key = SecureBytes(byteCount: MasterKey.byteCount)
    let status: CInt = password.withUnsafeBytes { password in
      key.withUnsafeMutableBytes { key in
        guard let passwordStart = password.baseAddress, let keyStart = key.baseAddress else { return -1 }
        return crypto_pwhash_scryptsalsa208sha256_ll(
          passwordStart.assumingMemoryBound(to: UInt8.self), password.count, salt, salt.count, UInt64(cost.n), r, p,
          keyStart.assumingMemoryBound(to: UInt8.self), key.count)
      }
    }
    // With parameters that were checked, memory is all that can be missing.
    guard status == 0 else { throw .outOfMemory }
    return key
  }
}
