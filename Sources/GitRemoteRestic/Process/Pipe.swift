import Glibc
import SystemPackage

/// A pipe whose ends no other program gets unless it is told to (`ChildProcess.start`).
struct Pipe: Sendable {
  let readEnd: FileDescriptor
  let writeEnd: FileDescriptor

  init() throws(HelperError) {
    do {
      let pipe = try FileDescriptor.pipe()
      for end in [pipe.readEnd, pipe.writeEnd] { _ = fcntl(end.rawValue, F_SETFD, FD_CLOEXEC) }
      (readEnd, writeEnd) = (pipe.readEnd, pipe.writeEnd)
    } catch {
      throw HelperError("no pipe can be made: \(error)")
    }
  }
}

extension FileDescriptor {
  /// Closes it. Nothing that matters can fail: all our descriptors are pipes or were only read from.
  func closeQuietly() {
    try? close()
  }

  /// Everything up to the end. What cannot be read counts as the end.
  func readAll() -> [UInt8] {
    var bytes: [UInt8] = []
    readAll { bytes += $0 }
    return bytes
  }

  /// Calls `body` with everything up to the end, piece by piece. What cannot be read counts as the end.
  func readAll(_ body: (ArraySlice<UInt8>) -> Void) {
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      // Pipes, of which an error ends the rest, and HEAD: what cannot be read of it names no branch, and is left alone.
      let count = (try? chunk.withUnsafeMutableBytes { try read(into: $0) }) ?? 0
      guard count > 0 else { return }
      body(chunk[..<count])
    }
  }
}
