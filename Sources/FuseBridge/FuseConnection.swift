internal import CFuse3
internal import Dispatch
internal import Glibc
internal import Platform
internal import SystemPackage

/// A mounted libfuse session: its pointer, who may use it, and its end.
///
/// Invariants:
/// 1. The pointer is used by `serve` and `close`, or within `use`; `close` waits for all who are in `use`.
/// 2. While somebody is in `use`, the threads go on: a call into the kernel may wait for an answer of ours. So a requested
///    exit stops them only when the last one has left.
///
/// Calling sequence: `init` (mounts), `serve` (blocks), `close` (takes the mount off); `use` and `requestExit` from any
/// thread at any time. Its lock is a leaf: nothing is called under it.
final class FuseConnection: Sendable {
  private struct State {
    /// How many are in `use`.
    var userCount = 0
    /// Nobody enters `use` any more.
    var exitRequested = false
    /// `close` has begun: nobody enters `use` any more.
    var closed = false
  }

  /// libfuse locks what it shares itself.
  private nonisolated(unsafe) let session: OpaquePointer
  private let loop: FuseLoop
  private let state = Locked(State())
  /// Signalled when the last user leaves after `close` has begun.
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
    guard let created else { throw .badOptions(arguments.dropFirst().filter { $0 != "-o" }) }
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
      state.exitRequested = true
      return state.userCount == 0
    }
    if mustStop { loop.stop() }
  }

  /// Calls `body` with the session while it is surely there and served; nil if its end has begun.
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
