import Glibc

/// A plain thread, as the one that serves a mount must be.
final class Thread {
  private let body: @Sendable () -> Void

  private init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
  }

  /// Runs `body` on a new thread.
  static func start(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    pthread_create(&thread, nil, threadMain, Unmanaged.passRetained(Thread(body)).toOpaque())
    pthread_detach(thread)
  }

  fileprivate static func main(_ argument: UnsafeMutableRawPointer) {
    Unmanaged<Thread>.fromOpaque(argument).takeRetainedValue().body()
  }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument { Thread.main(argument) }
  return nil
}
