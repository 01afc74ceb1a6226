import Glibc

/// A plain thread, as FUSE's workers are: it may block, and it is none of the Swift pool's.
final class DetachedThread: @unchecked Sendable {
  private let body: @Sendable () -> Void

  init(_ body: @escaping @Sendable () -> Void) {
    self.body = body
  }

  /// Runs the body on a new thread.
  func start() {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(self).toOpaque()
    let result = pthread_create(&thread, nil, runDetachedThread, argument)
    precondition(result == 0, "there are threads to be had")
    pthread_detach(thread)
  }

  fileprivate func run() { body() }
}

private func runDetachedThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument { Unmanaged<DetachedThread>.fromOpaque(argument).takeRetainedValue().run() }
  return nil
}
