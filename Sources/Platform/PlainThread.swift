internal import Glibc
public import SystemPackage

/// A plain thread, outside Swift's pool: it may block.
public enum PlainThread {
  /// Runs `body` on a new thread that receives no signals: signals belong to the program's own threads. Throws if the
  /// system cannot create a thread.
  public static func start(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    var everything = sigset_t()
    var before = sigset_t()
    sigfillset(&everything)
    // The new thread inherits the mask.
    pthread_sigmask(SIG_SETMASK, &everything, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let argument = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let result = pthread_create(&thread, nil, runThread, argument.toOpaque())
    guard result == 0 else {
      argument.release()
      throw Errno(rawValue: result)
    }
    pthread_detach(thread)
  }
}

/// The body of a thread, as pthread_create(3) passes it on.
private final class ThreadBody: Sendable {
  let run: @Sendable () -> Void

  init(_ run: @escaping @Sendable () -> Void) {
    self.run = run
  }
}

/// The C entry of a thread; `argument` is its body, retained.
private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
  return nil
}
