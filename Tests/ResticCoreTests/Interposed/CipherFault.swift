import CInterposed
import Synchronization

/// A processor that encrypts certain bytes wrongly, as a faulty one would: one bit of the result is another.
///
/// Thread-safe. The bytes tell which encryption is meant, so that tests do not disturb each other.
enum CipherFault {
  private static let marks = Mutex<[[UInt8]]>([])

  /// Runs `body` while whatever begins with `plaintext` is encrypted wrongly. `plaintext` is not empty.
  static func encryptingWrongly(_ plaintext: [UInt8], _ body: () async throws -> Void) async rethrows {
    marks.withLock { $0.append(plaintext) }
    defer {
      marks.withLock { marks in
        if let index = marks.firstIndex(of: plaintext) { marks.remove(at: index) }
      }
    }
    interposed_observe_cipher { input, count in
      let input = UnsafeRawBufferPointer(start: input, count: count)
      return CipherFault.marks.withLock { $0.contains { input.starts(with: $0) } }
    }
    try await body()
  }
}
