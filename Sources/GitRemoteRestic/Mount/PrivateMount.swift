import CLinux
import Dispatch
import Glibc
import Platform
import SystemPackage

/// A mount for this process alone, served by a child process: `restic-gitfs mount` on a folder of its own.
///
/// The child holds one end of a pipe, and only this process has the other end. When that end is closed, by this process
/// or by the kernel after its death, the child unmounts, drops uncommitted changes, removes its folder and ends. A
/// mount that may stay for the next command has a `KeptFile` instead of the pipe; the child may then be that of an
/// earlier command.
final class PrivateMount {
  /// The settings for the child.
  struct Request: Sendable {
    /// The repository.
    var location: RemoteLocation
    /// Which snapshot: options for `mount`.
    var selection: [String]
    /// The folder of the snapshot that is the repository.
    var folder: FilePath
    /// Whether the mount is read-only.
    var isReadOnly: Bool
    /// Whether only errors are printed; otherwise the child also reports when it waits for the storage.
    var isQuiet: Bool
    /// The object format of a repository that is made if there is no snapshot yet.
    var objectFormat: String
    /// The child's variables.
    var environment: ProcessEnvironment
    /// The file that makes it available to the next command, if it may stay.
    var keptFile: KeptFile?
  }

  /// What keeps the child running.
  private enum Hold {
    case lifeline(FileDescriptor)
    case kept(KeptFile)
  }

  private static let statusAttribute = "user.restic.status"
  /// The attribute that exists if the mount has begun housekeeping.
  private static let housekeepingAttribute = "user.restic.housekeep"
  /// The state of an unchanged mount.
  private static let clean = "clean"
  /// The program's exit code for a base that has moved.
  private static let partial: Int32 = 3

  /// The mount's root.
  let path: FilePath
  /// The git repository on the mount: the root, or a folder.
  let repositoryPath: FilePath
  /// Nil for a mount that an earlier command has started.
  private let child: ChildProcess?
  private let hold: Hold
  private var isEnded = false

  private init(path: FilePath, folder: FilePath, child: ChildProcess?, hold: Hold) {
    self.path = path
    repositoryPath = folder.isEmpty ? path : path.pushing(folder)
    self.child = child
    self.hold = hold
  }

  /// The mount that an earlier command has left in `file`, if there is one; call `catchUp` first.
  static func left(in file: KeptFile, folder: FilePath) -> PrivateMount? {
    file.takeMountpoint().map { PrivateMount(path: $0, folder: folder, child: nil, hold: .kept(file)) }
  }

  /// Makes a mount that was left show what a new one would. Returns whether it does.
  func catchUp() -> Bool {
    Self.state(of: path, attribute: "user.restic.newest")?.state == Self.clean
  }

  /// Mounts, and returns when the mount serves. The child finds or asks for the password itself; if it fails, it has
  /// printed the reason.
  static func start(_ request: Request, in folder: PrivateFolder) throws(HelperError) -> PrivateMount {
    let path = try folder.makeMountpoint()
    var isMounted = false
    defer { if !isMounted { PrivateFolder.remove(path) } }
    let pipes = try Pipe.open(3)
    let (ready, lifeline, input) = (pipes[0], pipes[1], pipes[2])
    let end =
      request.keptFile.map { ["--keep-alive=\($0.duration)", "--keep-alive-file=\($0.path)"] }
      ?? ["--exit-with-fd", "\(lifeline.readEnd.rawValue)"]
    let arguments =
      ["mount", "--ready-fd", "\(ready.writeEnd.rawValue)", "--object-format", request.objectFormat] + end
      + (request.isReadOnly ? ["--read-only"] : [])
      + (request.isQuiet ? ["-q"] : []) + request.selection + [path.string]
    let child: ChildProcess
    do throws(HelperError) {
      defer { for end in [ready.writeEnd, lifeline.readEnd, input.readEnd] { end.closeQuietly() } }
      child = try ChildProcess.start(
        program, arguments, environment: request.environment.forMount(of: request.location),
        descriptors: [
          (0, input.readEnd), (1, .standardError), (ready.writeEnd.rawValue, ready.writeEnd),
          (lifeline.readEnd.rawValue, lifeline.readEnd),
        ])
    } catch {
      for end in [ready.readEnd, lifeline.writeEnd, input.writeEnd] { end.closeQuietly() }
      throw error
    }
    input.writeEnd.closeQuietly()

    isMounted = !ready.readEnd.readAll().isEmpty
    ready.readEnd.closeQuietly()
    if isMounted, let file = request.keptFile {
      lifeline.writeEnd.closeQuietly()
      return PrivateMount(path: path, folder: request.folder, child: child, hold: .kept(file))
    }
    if isMounted {
      return PrivateMount(path: path, folder: request.folder, child: child, hold: .lifeline(lifeline.writeEnd))
    }
    lifeline.writeEnd.closeQuietly()
    switch child.wait() {
    case .exited, nil: throw .silent
    case .killed(let signal):
      throw HelperError("the process for the mount was killed by signal \(signal) before it was ready")
    }
  }

  /// Makes the mount examine what git will read. Returns the mount's state; nil if it does not answer.
  func inspect() -> MountState? {
    Self.state(of: path, attribute: "user.restic.inspected")
  }

  /// The mount's state; nil if it does not answer.
  func state() -> MountState? {
    Self.state(of: path)
  }

  /// Whether the child has died although it is still needed.
  var isDead: Bool {
    guard !isEnded else { return false }
    guard let child else { return !PrivateFolder.isServed(path) }
    return child.endIfOver() != nil
  }

  /// Commits, and returns when that is done. Calls `show` from time to time.
  func commit(show: (MountState) -> Void) -> CommitOutcome {
    let path = path
    let done = DispatchSemaphore(value: 0)
    let failure = ResultBox()
    DispatchQueue(label: "commit").async {
      failure.error = Self.synchronize(path)
      done.signal()
    }
    while done.wait(timeout: .now() + .milliseconds(250)) == .timedOut {
      if let now = Self.state(of: path) { show(now) }
    }
    guard let error = failure.error else { return .saved(snapshot: state()?.snapshot) }
    if isDead { return .unknown("the process that served the repository died") }
    guard let last = state()?.lastError else { return .failed("\(error)") }
    if last.snapshot != nil { return .unknown(last.message) }
    return last.exitCode == Self.partial ? .moved(references: last.references) : .failed(last.message)
  }

  /// Ends the mount; uncommitted changes are dropped. Returns when nothing of it is left.
  func end() {
    guard !isEnded else { return }
    switch hold {
    case .lifeline(let descriptor): descriptor.closeQuietly()
    case .kept(let file): file.remove()
    }
    isEnded = true
    guard let child else { return PrivateFolder.waitForRemoval(of: path) }
    child.wait()
    PrivateFolder.remove(path)
  }

  /// Leaves the mount to the next command if it may stay and is unchanged; otherwise ends it. No command uses it at
  /// this moment.
  func leave() {
    // The mount also releases the repository's lock, if it has taken one unnecessarily.
    guard !isEnded, case .kept(let file) = hold, isCleanAndServed, Self.synchronize(path) == nil,
      isCleanAndServed, file.leave(path)
    else { return end() }
    isEnded = true
  }

  /// Leaves the mount running if housekeeping is due, and returns whether it is. The mount ends by itself, and nobody
  /// waits.
  func leaveForHousekeeping() -> Bool {
    guard !isEnded, Self.has(Self.housekeepingAttribute, path) else { return false }
    switch hold {
    case .lifeline(let descriptor): descriptor.closeQuietly()
    // The next command makes its own mount.
    case .kept(let file): file.remove()
    }
    isEnded = true
    return true
  }

  private var isCleanAndServed: Bool { state().map { $0.state == Self.clean && $0.refused == nil } ?? false }

  /// The program for mounts: beside this one, or in PATH.
  static var program: String {
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

  private static func has(_ attribute: String, _ path: FilePath) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 64)
    return path.withPlatformString { path in
      bytes.withUnsafeMutableBytes { getxattr(path, attribute, $0.baseAddress, $0.count) }
    } > 0
  }

  private static func state(of path: FilePath, attribute: String = statusAttribute) -> MountState? {
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = path.withPlatformString { path in
      bytes.withUnsafeMutableBytes { getxattr(path, attribute, $0.baseAddress, $0.count) }
    }
    return count > 0 ? MountState(parsing: Array(bytes[..<count])) : nil
  }
}

/// Carries an error from one thread to another; the semaphore orders the two.
private final class ResultBox: @unchecked Sendable {
  var error: Errno?
}
