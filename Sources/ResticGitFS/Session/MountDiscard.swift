import Glibc
import Platform
import SystemPackage

/// Gives up a mount with what is not saved, whatever the storage and the serving process do. Nothing here waits for long.
///
/// The process is asked first, by a signal that only its own user or root can send and that nobody sends by mistake
/// (`DiscardSignal`): it gives back its locks and takes the mount off. One that does not end soon is killed, and the
/// kernel's connection to it is cut.
struct MountDiscard: Sendable {
  /// What is lost.
  struct Loss: Sendable {
    /// The mount's status; nil where it does not answer.
    var status: MountStatus?
    /// In words: nil where nothing is lost.
    var text: String?
  }

  /// How long the process may take to end in its own way, and how long after a SIGKILL.
  private static let patience = Duration.seconds(10)
  private static let pollInterval = Duration.milliseconds(20)

  let mount: MountedDirectory
  let device: String
  /// The user who made the mount.
  let ownerID: UInt32?

  /// The mount at `path`. A path that names it is not followed: whoever looks at a mount that hangs hangs with it.
  static func find(_ path: String, in table: MountTable) throws(CommandError) -> MountDiscard {
    let given = FilePath(path).absolute()
    let parent = given.removingLastComponent()
    let resolved = given.lastComponent.map { (parent.resolved() ?? parent).appending($0) } ?? given
    if let entry = table.entry(at: resolved), entry.isResticGitFS {
      return try MountDiscard(
        mount: MountedDirectory(path: resolved, ownerID: entry.ownerID), device: entry.device, ownerID: entry.ownerID
      ).ofThisUser()
    }
    let mount = try MountedDirectory.find(path, in: table)
    guard let entry = table.entry(at: mount.path) else { preconditionFailure("the mount was found in this table") }
    return try MountDiscard(mount: mount, device: entry.device, ownerID: entry.ownerID).ofThisUser()
  }

  /// Throws if this user may not end the process of the mount: only its owner and root may.
  private func ofThisUser() throws(CommandError) -> MountDiscard {
    if let ownerID, ownerID != getuid(), getuid() != 0 { throw mount.belongsToAnother }
    return self
  }

  /// What giving up loses.
  func loss() async -> Loss {
    // An answer that this version cannot decode tells as little as none.
    guard case .success(let text) = await mount.statusTextInTime(), let status = try? mount.decoded(text) else {
      return Loss(text: "\(mount.path) does not answer: everything written since its last snapshot is lost")
    }
    return Loss(status: status, text: lossText(status))
  }

  /// What giving up a mount with `status` loses, in words; nil where nothing is lost.
  func lossText(_ status: MountStatus) -> String? {
    // The kernel may hold bytes of these files that the mount has not seen.
    let openCount = status.openForWriting ?? 0
    let openFiles = openCount == 1 ? "1 open file" : "\(openCount) open files"
    // Saved is what the last commit holds; one that is under way may still fail.
    guard status.state != .clean else {
      return openCount == 0
        ? nil : "what programs have written to \(openFiles) on \(mount.path) may be lost; everything else is saved"
    }
    let base = status.snapshot.map { "snapshot \($0.prefix(8))" } ?? "it was mounted"
    let files = "\(status.dirtyFiles) \(status.dirtyFiles == 1 ? "file" : "files")"
    let written = openCount == 0 ? "" : ", what programs have written to \(openFiles)"
    return """
      all changes on \(mount.path) since \(base) are lost: \(files) with \
      \(ByteCountText.text(status.dirtyBytes)) in memory\(written), and all renames and removals
      """
  }

  /// Ends the process and takes the mount off. The process is named by the mount's session below `stateHome`; where there is
  /// none, by `status`, which the mount has told.
  ///
  /// A mount can name any process: a process in a container has another number there, and another user's file system says
  /// what it likes. Only a process that runs this program for the mount's owner is sent a signal.
  func giveUp(_ status: MountStatus?, stateHome: FilePath?) async throws {
    let session = session(below: stateHome)
    let named = [session?.record()?.processID, status?.pid].compactMap(\.self)
    guard let process = named.first(where: isServing) else {
      // The process is dead, or this user cannot tell which it is.
      FuseAbort.abort(device: device)
      return try await takeOff()
    }
    guard DiscardSignal.send(to: process) else {
      guard errno == ESRCH else {
        throw CommandError(
          "process \(process), which serves \(mount.path), cannot be signalled: \(Errno(rawValue: errno))")
      }
      return try await takeOff()
    }
    if !(await isOver(session, process)) {
      // Its number may be another process's meanwhile.
      if isServing(process) { kill(process, SIGKILL) }
      FuseAbort.abort(device: device)
      _ = await isOver(session, process)
    }
    try await takeOff()
  }

  /// Whether `process` can be the one that serves the mount.
  private func isServing(_ process: Int32) -> Bool {
    ProcessIdentity(of: process)?.isResticGitFS(of: ownerID) == true
  }

  /// Takes the mount off if it is still there.
  private func takeOff() async throws {
    guard try MountTable.load().entry(at: mount.path)?.device == device else { return }
    try await mount.unmount(.forced)
  }

  /// Waits for the end of the process for a while; whether it came.
  private func isOver(_ session: SessionObserver?, _ process: Int32) async -> Bool {
    let end = ContinuousClock.now.advanced(by: Self.patience)
    while ContinuousClock.now < end {
      if session?.isOver ?? (kill(process, 0) != 0) { return true }
      // Cancelled or not, it is looked at again until the time is up.
      try? await Task.sleep(for: Self.pollInterval)
    }
    return false
  }

  private func session(below stateHome: FilePath?) -> SessionObserver? {
    // A state folder that can't be read knows no session.
    let directories = (try? stateHome.map { try SessionDirectory.all(stateHome: $0) }) ?? []
    return directories.lazy.flatMap { (try? $0.sessions()) ?? [] }.first { session in
      let record = session.record()
      return record?.device == device && record?.mountpoint == mount.path.string
    }
  }
}
