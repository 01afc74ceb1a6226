internal import CFuse3
internal import Dispatch
internal import Glibc
internal import Synchronization
internal import SystemPackage

/// A mounted libfuse session: its pointer, who may use it, and its end.
///
/// Invariants:
/// 1. The pointer is used by `serve` and `close`, or between `enter` and `leave`; `close` waits for all who entered.
/// 2. While somebody is inside, the workers go on: a call into the kernel may wait for an answer of ours. So a requested
///    exit stops them only when the last one has left.
///
/// Calling sequence: `init` (mounts), `serve` (blocks), `close` (takes the mount off); `enter`/`leave` and `requestExit`
/// from any thread at any time. Its lock is a leaf: nothing is called under it.
final class FuseConnection: Sendable {
  private struct State {
    /// How many are between `enter` and `leave`.
    var userCount = 0
    /// `requestExit` was called: nobody enters any more.
    var exitRequested = false
    /// The workers were told to stop.
    var stopped = false
    /// `close` has begun: nobody enters any more.
    var closed = false
  }

  /// libfuse locks what it shares itself.
  private nonisolated(unsafe) let session: OpaquePointer
  private let server: FuseServer
  private let state = Mutex(State())
  /// Signalled when the last user leaves after `close` has begun.
  private let left = DispatchSemaphore(value: 0)

  /// Mounts at `mountpoint`, an absolute path.
  init(server: FuseServer, mountpoint: FilePath, options: FuseMountOptions) throws(FuseSessionError) {
    let arguments = options.arguments
    var strings = arguments.map { strdup($0) }
    defer { for string in strings { free(string) } }
    var operations = FuseOperations.table
    let created = strings.withUnsafeMutableBufferPointer { strings in
      var list = fuse_args(argc: Int32(strings.count), argv: strings.baseAddress, allocated: 0)
      // libfuse copies the list before it changes it.
      defer { fuse_opt_free_args(&list) }
      return fuse_session_new(
        &list, &operations, MemoryLayout<fuse_lowlevel_ops>.size, Unmanaged.passUnretained(server).toOpaque())
    }
    guard let created else { throw .badOptions(arguments.dropFirst().filter { $0 != "-o" }) }
    guard mountpoint.withPlatformString({ fuse_session_mount(created, $0) }) == 0 else {
      fuse_session_destroy(created)
      throw .mountFailed(mountpoint)
    }
    session = created
    self.server = server
  }

  /// Answers requests on worker threads of libfuse until the mount is gone or an exit was requested, and all workers
  /// have ended.
  ///
  /// libfuse's own loop: it starts a thread whenever none is idle, and ends the idle ones by cancelling them inside its
  /// read, which needs no Swift frame to be unwound. The workers' signals TERM, INT, HUP and QUIT are blocked; no
  /// handler is installed. One device descriptor for all (clone_fd gains nothing).
  func serve(options: FuseMountOptions) -> FuseSessionEnd {
    guard let configuration = fuse_loop_cfg_create() else { return .failed(.noMemory) }
    defer { fuse_loop_cfg_destroy(configuration) }
    fuse_loop_cfg_set_clone_fd(configuration, 0)
    fuse_loop_cfg_set_max_threads(configuration, UInt32(clamping: options.maximumThreadCount))
    fuse_loop_cfg_set_idle_threads(configuration, UInt32(clamping: options.maximumIdleThreadCount))
    let result = fuse_session_loop_mt(session, configuration)
    if state.withLock({ $0.exitRequested }) { return .exitRequested }
    return result < 0 ? .failed(Errno(rawValue: -result)) : .unmounted
  }

  /// Takes the mount off if it is still there (lazily: a busy one fails for its users from now on), and frees the session.
  func close() {
    let mustWait = state.withLock { state in
      state.closed = true
      return state.userCount > 0
    }
    if mustWait { left.wait() }
    fuse_session_unmount(session)
    fuse_session_destroy(session)
  }

  /// Makes `serve` return soon.
  func requestExit() {
    let mustStop = state.withLock { state in
      guard !state.closed else { return false }
      state.exitRequested = true
      return Self.takeStop(&state)
    }
    if mustStop { stop() }
  }

  /// Calls `body` with the session while it is surely there; nil if its end has begun.
  func use<Result>(_ body: (OpaquePointer) -> Result) -> Result? {
    let entered = state.withLock { state in
      guard !state.closed, !state.exitRequested else { return false }
      state.userCount += 1
      return true
    }
    guard entered else { return nil }
    defer { leave() }
    return body(session)
  }

  /// The other side of entering.
  private func leave() {
    let (mustStop, wasLast) = state.withLock { state in
      state.userCount -= 1
      let mustStop = Self.takeStop(&state)
      return (mustStop, state.userCount == 0 && state.closed)
    }
    if mustStop { stop() }
    if wasLast { left.signal() }
  }

  /// Whether the caller has to call `stop`; if so it has entered for that.
  private static func takeStop(_ state: inout State) -> Bool {
    guard state.exitRequested, !state.stopped, !state.closed, state.userCount == 0 else { return false }
    state.stopped = true
    state.userCount = 1
    return true
  }

  /// Ends the workers, then leaves.
  ///
  /// The flag alone wakes nobody, so an idle worker is given something to read: the kernel is asked for nothing of the
  /// root's page cache, and its answer is a request to us. An error does not matter: before FUSE_INIT that very request
  /// wakes a worker, and once the connection is aborted all have been woken.
  private func stop() {
    fuse_session_exit(session)
    _ = fuse_lowlevel_notify_retrieve(session, FuseInode(FUSE_ROOT_ID), 0, 0, nil)
    leave()
  }
}
