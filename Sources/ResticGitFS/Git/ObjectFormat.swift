import ResticCore

/// The hash that names the objects of a git repository (`extensions.objectFormat`).
enum ObjectFormat: String, Hashable, Sendable, CaseIterable {
  case sha1
  case sha256

  /// The hash.
  var algorithm: StreamHasher.Algorithm { self == .sha1 ? .sha1 : .sha256 }
  /// The length of an object's name in bytes.
  var byteCount: Int { algorithm.byteCount }
}
