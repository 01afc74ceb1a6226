@testable import ResticCore

extension PackBlob {
  /// Bytes of the plaintext.
  var plaintextLength: Int {
    if let uncompressedLength { return Int(uncompressedLength) }
    return max(0, Int(length) - Int(Self.sealOverhead))
  }
}
