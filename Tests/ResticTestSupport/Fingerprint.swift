public import ResticCore

/// The number and the hash of bytes: tests compare long byte sequences by their fingerprints.
///
/// When two arrays differ `#expect` looks for the differences, which takes hours for a few megabytes: such a test hangs
/// where it should fail.
public struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
  /// How many bytes there are.
  public let byteCount: Int
  /// Their SHA-256.
  public let hash: ID<Never>

  /// `N bytes, SHORT-HASH`, for a failed expectation.
  public var description: String { "\(byteCount) bytes, \(hash.short)" }
}

extension Collection<UInt8> {
  /// The number and the hash of these bytes.
  public var fingerprint: Fingerprint {
    Fingerprint(byteCount: count, hash: SHA256.id(of: Array(self)))
  }
}
