internal import Glibc
internal import SystemPackage

/// Bytes to write to a pipe: copies of small pieces, and parts of bodies, which stay in place.
struct PipeOutput {
  /// The most pieces for one system call.
  private static let mostPieces = 64

  private var pieces: [(bytes: PooledBytes, range: Range<Int>)] = []
  /// How many bytes are left.
  private(set) var byteCount = 0

  /// Adds a copy of `bytes`.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    append(PooledBytes(copying: bytes), 0..<bytes.count)
  }

  /// Adds the bytes of `body` in `range`.
  mutating func append(_ body: PooledBytes, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    pieces.append((body, range))
    byteCount += range.count
  }

  /// Writes as much as the pipe accepts now. Throws the system's error once the reader is gone.
  mutating func write(to pipe: FileDescriptor) throws(Errno) {
    while byteCount > 0 {
      let count = writeOnce(to: pipe)
      if count >= 0 {
        forget(count)
        continue
      }
      let error = Errno(rawValue: errno)
      if error == .resourceTemporarilyUnavailable { return }
      guard error == .interrupted else { throw error }
    }
  }

  /// What writev(2) returns.
  private func writeOnce(to pipe: FileDescriptor) -> Int {
    let vectors = pieces.prefix(Self.mostPieces).map { piece in
      // The bytes stay in place as long as they exist, and `pieces` keeps them.
      let start = piece.bytes.withUnsafeBytes { $0.baseAddress.map { $0 + piece.range.lowerBound } }
      return iovec(iov_base: UnsafeMutableRawPointer(mutating: start), iov_len: piece.range.count)
    }
    return writev(pipe.rawValue, vectors, Int32(vectors.count))
  }

  private mutating func forget(_ count: Int) {
    byteCount -= count
    var rest = count
    var done = 0
    while done < pieces.count, rest >= pieces[done].range.count {
      rest -= pieces[done].range.count
      done += 1
    }
    pieces.removeFirst(done)
    if rest > 0 { pieces[0].range = (pieces[0].range.lowerBound + rest)..<pieces[0].range.upperBound }
  }
}
