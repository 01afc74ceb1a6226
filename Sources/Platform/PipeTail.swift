internal import Dispatch
public import SystemPackage

/// The last bytes that come out of a pipe. A thread of its own reads them, so the writer never has to wait.
public final class PipeTail: Sendable {
  private let bytes = Locked<[UInt8]>([])
  private let reading = DispatchGroup()

  /// Begins to read `descriptor`, which the caller still owns, up to its end; keeps the last `byteLimit` bytes.
  public init(of descriptor: FileDescriptor, byteLimit: Int) {
    DispatchQueue(label: "pipe").async(group: reading) { [self] in
      descriptor.readAll { chunk in
        bytes.withLock { bytes in
          bytes += chunk
          // Not at every read, because this moves the bytes that are kept.
          if bytes.count > 2 * byteLimit { bytes.removeFirst(bytes.count - byteLimit) }
        }
      }
      bytes.withLock { $0.removeFirst(max(0, $0.count - byteLimit)) }
    }
  }

  /// Waits for the end, and returns the last bytes.
  public func wait() -> [UInt8] {
    reading.wait()
    return bytes.withLock { $0 }
  }
}
