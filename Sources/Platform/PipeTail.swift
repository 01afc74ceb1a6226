internal import Glibc
public import SystemPackage

/// The last bytes that come out of a pipe, for a thread that looks at a program again and again.
///
/// The end of the pipe is never waited for: a process that the program leaves behind may keep the pipe open for ever.
public struct PipeTail: Sendable {
  private let descriptor: FileDescriptor
  private let byteLimit: Int
  /// What was read so far, of which the last `byteLimit` bytes are kept.
  public private(set) var bytes: [UInt8] = []

  /// How many bytes are read at a time: no pipe holds more, and somebody may write forever.
  private static let mostBytes = 1 << 20

  /// The last `byteLimit` bytes from `descriptor`, which the caller still owns, and which never blocks from now on.
  public init(of descriptor: FileDescriptor, byteLimit: Int) {
    self.descriptor = descriptor
    self.byteLimit = byteLimit
    _ = fcntl(descriptor.rawValue, F_SETFL, O_NONBLOCK)
  }

  /// Reads what the pipe holds now, so that the writer can go on. After the end of a program, that is all that it has written.
  public mutating func read() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    var rest = Self.mostBytes
    while rest > 0 {
      let count = Glibc.read(descriptor.rawValue, &chunk, chunk.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes += chunk[..<count]
      bytes.removeFirst(max(0, bytes.count - byteLimit))
      rest -= count
    }
  }
}
