internal import Platform
internal import SystemPackage

/// Tells a thread that waits for descriptors that its task was cancelled.
final class CancellationBell: Sendable {
  private let pipe: Pipe
  private let isRung = Locked(false)

  /// A bell that is silent.
  init() throws(Errno) { pipe = try Pipe() }

  deinit {
    ring()
    pipe.readEnd.closeQuietly()
  }

  /// Reaches its end once the bell was rung. Exists as long as the bell.
  var ear: FileDescriptor { pipe.readEnd }

  /// Rings; has no effect if it was rung before.
  func ring() {
    let isFirst = isRung.withLock { isRung in
      defer { isRung = true }
      return !isRung
    }
    if isFirst { pipe.writeEnd.closeQuietly() }
  }
}
