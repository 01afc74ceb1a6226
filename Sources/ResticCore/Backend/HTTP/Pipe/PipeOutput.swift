internal import Glibc
internal import SystemPackage

/// Bytes on their way into a pipe: copies of what is small, and parts of bodies, which stay where they are.
struct PipeOutput {
  /// Pieces that one system call takes.
  private static let mostPieces = 64

  private var pieces: [(bytes: PooledBytes, range: Range<Int>)] = []
  /// How much is left.
  private(set) var byteCount = 0

  /// Adds a copy of `bytes`.
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    append(PooledBytes(copying: bytes), 0..<bytes.count)
  }

  /// Adds what `body` has in `range`.
  mutating func append(_ body: PooledBytes, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    pieces.append((body, range))
    byteCount += range.count
  }

  /// Writes as much as the pipe takes now. Throws what the system says once nobody reads any more.
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
      // The bytes stay where they are for as long as they live, and `pieces` keeps them.
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
