internal import Platform
internal import SystemPackage

/// Tells a thread that waits for descriptors that the task which it works for was cancelled.
final class CancellationBell: Sendable {
  private let pipe: Pipe
  private let isRung = Locked(false)

  /// A bell that is silent.
  init() throws(Errno) { pipe = try Pipe() }

  deinit {
    ring()
    pipe.readEnd.closeQuietly()
  }

  /// Has come to its end once the bell was rung. It is there as long as the bell is.
  var ear: FileDescriptor { pipe.readEnd }

  /// Rings; harmless where it was rung.
  func ring() {
    let isFirst = isRung.withLock { isRung in
      defer { isRung = true }
      return !isRung
    }
    if isFirst { pipe.writeEnd.closeQuietly() }
  }
}
