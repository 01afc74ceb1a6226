import CLinux
import Dispatch
import Glibc
import SystemPackage

/// A mount for this process alone, served by a child process: `restic-gitfs mount` on a folder of its own.
///
/// The child holds one end of a pipe whose other end only we have: it unmounts, drops what was not committed, removes its
/// folder and ends as soon as that is closed, whether we close it or the kernel does because we died.
final class PrivateMount {
  /// What the child is told.
  struct Request: Sendable {
    /// The repository.
    var location: RemoteLocation
    /// Which snapshot: options for `mount`.
    var selection: [String]
    /// Whether nothing is to be changed.
    var isReadOnly: Bool
    /// Whether only errors are to be told; otherwise it also says that it waits for the storage.
    var isQuiet: Bool
    /// The child's variables.
    var environment: ProcessEnvironment
  }

  private static let statusAttribute = "user.restic.status"
  /// The program's exit code for a base that has moved.
  private static let partial: Int32 = 3

  /// The mount's root.
  let path: FilePath
  private let child: ChildProcess
  private let lifeline: FileDescriptor
  private var isEnded = false

  private init(path: FilePath, child: ChildProcess, lifeline: FileDescriptor) {
    self.path = path
    self.child = child
    self.lifeline = lifeline
  }

  /// Mounts, and returns when the mount serves. The child finds or asks for the password itself; when it fails, it has said
  /// why.
  static func start(_ request: Request, in folder: PrivateFolder) throws(HelperError) -> PrivateMount {
    let path = try folder.makeMountpoint()
    var isMounted = false
    defer { if !isMounted { PrivateFolder.remove(path) } }
    let (ready, lifeline, input) = (try Pipe(), try Pipe(), try Pipe())
    let arguments =
      ["mount", "--ready-fd", "\(ready.writeEnd.rawValue)", "--exit-with-fd", "\(lifeline.readEnd.rawValue)"]
      + (request.isReadOnly ? ["--read-only"] : []) + (request.isQuiet ? ["-q"] : []) + request.selection + [
        "-r", request.location.text, path.string,
      ]
    let child = try ChildProcess.start(
      program, arguments, environment: request.environment.forMount,
      descriptors: [
        0: input.readEnd, 1: .standardError, ready.writeEnd.rawValue: ready.writeEnd,
        lifeline.readEnd.rawValue: lifeline.readEnd,
      ])
    for end in [ready.writeEnd, lifeline.readEnd, input.readEnd] { end.closeQuietly() }
    input.writeEnd.closeQuietly()

    isMounted = !ready.readEnd.readAll().isEmpty
    ready.readEnd.closeQuietly()
    if isMounted { return PrivateMount(path: path, child: child, lifeline: lifeline.writeEnd) }
    lifeline.writeEnd.closeQuietly()
    switch child.wait() {
    case .exited: throw .silent
    case .killed(let signal):
      throw HelperError("the process for the mount was ended by signal \(signal) before it was ready")
    }
  }

  /// What the mount says of itself; nil when it does not answer.
  func state() -> MountState? {
    Self.state(of: path)
  }

  /// Whether the child has died although we still need it.
  var isDead: Bool { !isEnded && child.endIfOver() != nil }

  /// Commits, and returns when that is done. `progress` is called now and then meanwhile.
  func commit(progress: (MountState.Progress) -> Void) -> CommitOutcome {
    let path = path
    let done = DispatchSemaphore(value: 0)
    let failure = ResultBox()
    DispatchQueue(label: "commit").async {
      failure.error = Self.synchronize(path)
      done.signal()
    }
    while done.wait(timeout: .now() + .milliseconds(250)) == .timedOut {
      if let now = Self.state(of: path)?.progress { progress(now) }
    }
    guard let error = failure.error else { return .saved(snapshot: state()?.snapshot) }
    if isDead { return .unknown("the process that served the repository died") }
    guard let last = state()?.lastError else { return .failed("\(error)") }
    if last.snapshot != nil { return .unknown(last.message) }
    return last.exitCode == Self.partial ? .moved(references: last.references) : .failed(last.message)
  }

  /// Ends the mount; what was not committed is dropped. Returns when nothing of it is left.
  func end() {
    guard !isEnded else { return }
    lifeline.closeQuietly()
    child.wait()
    isEnded = true
    PrivateFolder.remove(path)
  }

  /// The program for mounts: beside this one, or wherever PATH has it.
  private static var program: String {
    guard let own = realpath("/proc/self/exe", nil) else { return "restic-gitfs" }
    defer { free(own) }
    let sibling = FilePath(platformString: own).removingLastComponent().appending("restic-gitfs").string
    return access(sibling, X_OK) == 0 ? sibling : "restic-gitfs"
  }

  private static func synchronize(_ path: FilePath) -> Errno? {
    let descriptor = open(path.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return Errno(rawValue: errno) }
    defer { close(descriptor) }
    return fsync(descriptor) == 0 ? nil : Errno(rawValue: errno)
  }

  private static func state(of path: FilePath) -> MountState? {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = path.withPlatformString { path in
      bytes.withUnsafeMutableBytes { getxattr(path, statusAttribute, $0.baseAddress, $0.count) }
    }
    return count > 0 ? MountState(parsing: Array(bytes[..<count])) : nil
  }
}

/// Carries an error from one thread to another; the semaphore orders the two.
private final class ResultBox: @unchecked Sendable {
  var error: Errno?
}
