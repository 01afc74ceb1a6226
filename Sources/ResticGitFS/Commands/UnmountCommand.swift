import ArgumentParser
import Glibc
import MessageText
import Platform
import SystemPackage

/// `restic-gitfs umount`: saves, unmounts, waits for the serving process and reports how it ended.
struct UnmountCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "umount",
    abstract: "Save a mount's changes, unmount it, and wait until everything is stored.",
    discussion: """
      If saving fails, the mount stays and nothing is lost. Exit code 3 means that everything is saved, but others had \
      changed the same refs or files; the message names them. Use --discard to give up a mount whose repository is gone \
      for good.

      EXAMPLES
        restic-gitfs umount ~/vault
          snapshot 1a2b3c4d saved
        restic-gitfs umount --json ~/vault
          {"changed":true,"conflict":false,"message_type":"summary","saved":true,"snapshot":"…"}
        restic-gitfs umount --discard ~/vault   says what is lost, and asks
      """)

  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  @Flag(help: "Print the result as JSON.")
  var json = false

  /// An option of umount(8): every file system.
  @Flag(name: [.customShort("a"), .customLong("all")], help: .hidden)
  var all = false
  @Flag(help: "Save nothing: changes since the last snapshot are lost. Works without the repository.")
  var discard = false

  @Flag(name: .shortAndLong, help: "With --discard: do not ask.")
  var force = false

  /// For umount(8), which has its own rules for a mount that cannot be asked to save.
  @Option(help: .hidden)
  var forUmount: UnmountingForUmount?

  @Argument(help: "Where the repository is mounted.", completion: MountCompletion.kind)
  var mountpoint: String?

  func validate() throws {
    if force, !discard {
      throw ValidationError("--force is for --discard only: a mount that is not saved is never unmounted")
    }
    if all {
      throw ValidationError("umount takes no --all; name the mountpoint, `restic-gitfs status` lists your mounts")
    }
    guard mountpoint != nil else {
      throw ValidationError("name the mountpoint; `restic-gitfs status` lists your mounts")
    }
  }

  func run(in context: CommandContext) async throws {
    let table = try MountTable.loadForCommand()
    let word = try RepositoryWord(mountpoint ?? "", in: table, context.environment)
    if discard { return try await giveUp(MountDiscard.find(word.mountpoint, in: table), in: context) }
    let mount = try word.mount(in: table)
    guard let device = table.entry(at: mount.path)?.device else {
      preconditionFailure("the mount was found in this table")
    }
    if let forUmount, try unmountAtOnce(mount, forUmount) { return }
    if mount.isDead {
      try await mount.unmount()
      throw CommandError(
        "the process that served \(mount.path) had died; the folder is free again, `restic-gitfs snapshots` shows what was saved"
      )
    }
    // Nothing is to be saved for a user who may not unmount.
    if let owner = mount.ownerID, owner != getuid(), getuid() != 0 { throw mount.belongsToAnother }
    try await save(mount, device: device, in: context)
  }

  /// Does what umount(8) does to any file system: unmounts `mount` if it cannot be asked to save, because its process
  /// has died or belongs to another user, or if the caller does not want to wait. A living process saves in the
  /// background.
  private func unmountAtOnce(_ mount: MountedDirectory, _ insistence: UnmountingForUmount) throws(CommandError) -> Bool
  {
    do throws(CommandError) {
      if insistence == .ifUnused, !mount.isDead {
        _ = try mount.status()
        return false
      }
    } catch {
      // The mount cannot be asked.
    }
    do throws(Unmounting.Failure) {
      try Unmounting.unmount(mount.path, insistence.value)
    } catch {
      throw CommandError("\(mount.path) cannot be unmounted: \(error.reason)")
    }
    return true
  }

  /// Saves, unmounts and waits.
  private func save(_ mount: MountedDirectory, device: String, in context: CommandContext) async throws {
    let (progress, waiting) = (ProgressLine(isQuiet: quiet), WaitingLine(isQuiet: quiet, log: context.log))
    let status = try mount.status()
    // Files that git has open would keep the mount busy.
    await mount.rest()
    let synchronized =
      status.readOnly
      ? nil : try await MountSynchronization(mount: mount, progress: progress, waiting: waiting).run()

    if !quiet { for warning in synchronized?.warnings ?? [] { context.warn(warning) } }
    let session = try Self.session(of: status)
    try await mount.unmount()
    guard let session else {
      return try tell(.clean(snapshot: status.snapshot), status, synchronized, in: context)
    }
    let end = SessionEnd(session: session, mount: mount, device: device, progress: progress, waiting: waiting)
    switch try await end.wait() {
    case .over(let outcome):
      try tell(outcome, status, synchronized, in: context)
    case .held(let holders):
      let last = try await Self.save(mount, of: status.pid, throughOneOf: holders, progress, waiting) ?? synchronized
      let snapshot = last?.snapshot ?? status.snapshot
      CommitReport(
        snapshot: snapshot, changed: snapshot != status.snapshot,
        saved: last?.saved == true || synchronized?.saved == true, isConflict: last?.conflict != nil
      )
      .print(json: json, quiet: quiet, in: context)
      if !quiet {
        context.warn(
          """
          \(mount.path) is unmounted here, but \(holders.description) has it in another mount namespace; process \
          \(status.pid) goes on until that ends, and saves what is written there
          """)
      }
      if let conflict = last?.conflict { throw CommandError(conflict, exitCode: .partial) }
    }
  }

  private func tell(
    _ outcome: MountOutcome, _ status: MountStatus, _ synchronized: MountSynchronization.Result?,
    in context: CommandContext
  ) throws(CommandError) {
    let isSaved =
      switch outcome {
      case .committed, .conflict: true
      case .clean, .failed: synchronized?.saved == true
      }
    let report = CommitReport(
      snapshot: outcome.snapshot, changed: outcome.snapshot != status.snapshot, saved: isSaved,
      isConflict: outcome.exitCode == .partial || synchronized?.conflict != nil)
    switch outcome {
    case .clean, .committed:
      report.print(json: json, quiet: quiet, in: context)
      if let conflict = synchronized?.conflict { throw CommandError(conflict, exitCode: .partial) }
    case .conflict(_, let message):
      report.print(json: json, quiet: quiet, in: context)
      throw CommandError(message, exitCode: outcome.exitCode)
    case .failed(let message):
      throw CommandError(message, exitCode: outcome.exitCode)
    }
  }

  /// Saves changes made between the last save of `mount` and its unmount, if one of `holders` can be reached: this user
  /// may not see every namespace. Nil if none can.
  private static func save(
    _ mount: MountedDirectory, of process: Int32, throughOneOf holders: [MountHolder], _ progress: ProgressLine,
    _ waiting: WaitingLine
  ) async throws -> MountSynchronization.Result? {
    for holder in holders {
      let copy = MountedDirectory(path: holder.path)
      // A holder that does not let this user in is passed over for the next one.
      guard let status = try? copy.status(), status.pid == process, !status.readOnly else { continue }
      return try await MountSynchronization(mount: copy, isUnmounted: true, progress: progress, waiting: waiting).run()
    }
    return nil
  }

  /// The session file, opened while the mount exists, because it is removed at the end. Nil for a read-only mount
  /// without one.
  private static func session(of status: MountStatus) throws(CommandError) -> SessionObserver? {
    guard let path = status.sessionFile else {
      guard !status.readOnly else { return nil }
      throw CommandError(
        "the mount \(status.mountpoint) names no session file; everything is saved, use `fusermount3 -u`")
    }
    do {
      return try SessionObserver(path: FilePath(path))
    } catch {
      throw CommandError(
        "the session file \(path) cannot be read: \(error); everything is saved, use `fusermount3 -u \(ShellWord(status.mountpoint))`"
      )
    }
  }

  // MARK: --discard

  /// Says what is lost, asks if a person can answer, and gives the mount up.
  private func giveUp(_ mount: MountDiscard, in context: CommandContext) async throws {
    let loss = await mount.loss()
    if let text = loss.text, !force {
      guard context.terminal.canAsk else {
        throw CommandError("\(text); add --force to skip the question")
      }
      guard context.terminal.confirm("\(text). Give it up? [y/N] ") else {
        throw CommandError("\(mount.mount.path) stays as it is")
      }
    }
    try await mount.giveUp(loss.status, stateHome: context.environment.stateHome)
    if json {
      CommitReport(snapshot: loss.status?.snapshot, changed: false).print(json: true, quiet: quiet, in: context)
    } else if !quiet {
      context.say(
        (loss.text.map { "given up: \($0)" }
          ?? "all was saved, snapshot is \(loss.status?.snapshot?.prefix(8) ?? "none")").printable)
    }
  }
}
