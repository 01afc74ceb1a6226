/// Why sealed bytes did not open, or a key could not be derived.
public enum CryptoError: Error, Hashable, Sendable {
  /// Fewer bytes than an IV and a MAC have.
  case truncated
  /// The bytes were changed, or sealed with another key.
  case wrongMAC
  /// A scrypt cost that is invalid, or that asks for more memory or time than any honest key file does.
  case unacceptableCost(ScryptCost)
  /// The system does not have the memory that the scrypt cost requires.
  case outOfMemory
}

extension CryptoError: CustomStringConvertible {
  /// What is wrong, on one line, without key material or plaintext.
  public var description: String {
    switch self {
    case .truncated: "the sealed data is too short"
    case .wrongMAC: "the sealed data was changed or belongs to another key"
    case .unacceptableCost(let cost): "the scrypt cost N=\(cost.n) r=\(cost.r) p=\(cost.p) is not acceptable"
    case .outOfMemory: "not enough memory to derive the key"
    }
  }
}
