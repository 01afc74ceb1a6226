internal import CFuse3
internal import Dispatch
internal import Glibc
internal import Platform
internal import SystemPackage

/// A mounted libfuse session: its pointer, who may use it, and its end.
///
/// Invariants:
/// 1. The pointer is used by `serve` and `close`, or within `use`; `close` waits until every call of `use` has
///    returned.
/// 2. While a call of `use` runs, the threads go on: a call into the kernel may wait until this process answers a
///    request. So a requested exit stops the threads only after the last call of `use` has returned.
///
/// Calling sequence: `init` (mounts), `serve` (blocks), `close` (unmounts); `use` and `requestExit` from any thread at
/// any time. Its lock is a leaf: nothing is called while the lock is held.
final class FuseConnection: Sendable {
  private struct State {
    /// How many calls of `use` are running.
    var userCount = 0
    /// `use` does nothing from now on.
    var exitRequested = false
    /// `close` has begun: `use` does nothing from now on.
    var closed = false
  }

  /// libfuse locks its own shared state.
  private nonisolated(unsafe) let session: OpaquePointer
  private let loop: FuseLoop
  private let state = Locked(State())
  /// Signalled when the last call of `use` returns after `close` has begun.
  private let left = DispatchSemaphore(value: 0)

  /// Mounts at `mountpoint`, an absolute path. `server` must live until `close`.
  init(server: FuseServer, mountpoint: FilePath, options: FuseMountOptions) throws(FuseSessionError) {
    let arguments = options.arguments
    var strings = arguments.map { strdup($0) }
    defer { for string in strings { free(string) } }
    var operations = FuseOperations.table
    let created = strings.withUnsafeMutableBufferPointer { strings in
      var list = fuse_args(argc: Int32(strings.count), argv: strings.baseAddress, allocated: 0)
      // libfuse copies the list before it changes it.
      defer { fuse_opt_free_args(&list) }
      return fuse_session_create(
        &list, &operations, MemoryLayout<fuse_lowlevel_ops>.size, Unmanaged.passUnretained(server).toOpaque())
    }
    guard let created else {
      // The user can change only the additional ones.
      let given = options.additionalOptions
      throw .badOptions(given.isEmpty ? arguments.dropFirst().filter { $0 != "-o" } : given)
    }
    guard mountpoint.withPlatformString({ fuse_session_mount(created, $0) }) == 0 else {
      fuse_session_destroy(created)
      throw .mountFailed(mountpoint, .find(mountpoint: mountpoint, options: options))
    }
    server.answerForPrivileges(in: created)
    do throws(Errno) {
      loop = try FuseLoop(session: created, memory: server.fileSystem.requestMemory, options: options)
    } catch {
      fuse_session_unmount(created)
      fuse_session_destroy(created)
      throw .noThreads(error)
    }
    session = created
  }

  /// Answers requests until the mount is gone or an exit was requested.
  func serve() -> FuseSessionEnd {
    let failure = loop.run()
    if let failure { return .failed(failure) }
    return state.withLock { $0.exitRequested } ? .exitRequested : .unmounted
  }

  /// Unmounts if the mount is still there (lazily: users of a busy mount get errors from now on), and frees the
  /// session.
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
      state.exitRequested = true
      return state.userCount == 0
    }
    if mustStop { loop.stop() }
  }

  /// Calls `body` with the session while the session is mounted and served; returns nil once the end has begun.
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

  private func leave() {
    let (mustStop, mustSignal) = state.withLock { state in
      state.userCount -= 1
      return (state.userCount == 0 && state.exitRequested, state.userCount == 0 && state.closed)
    }
    if mustStop { loop.stop() }
    if mustSignal { left.signal() }
  }
}
