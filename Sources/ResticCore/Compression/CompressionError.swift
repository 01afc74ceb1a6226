/// Why compressed bytes could not be read.
public enum CompressionError: Error, Hashable, Sendable {
  /// Not zstd, truncated, or changed; the text is libzstd's.
  case corrupt(String)
  /// The bytes decompress to another size than the index states.
  case wrongByteCount(expected: Int)
  /// The bytes decompress to more than the caller's limit.
  case tooLarge(limit: Int)
}

extension CompressionError: CustomStringConvertible {
  /// What is wrong with the bytes, without naming them: the caller knows which blob or file they are.
  public var description: String {
    switch self {
    case .corrupt(let message): "not decompressible: \(message)"
    case .wrongByteCount(let expected): "decompression does not yield the \(expected) bytes that were expected"
    case .tooLarge(let limit): "decompression yields more than \(limit) bytes"
    }
  }
}
