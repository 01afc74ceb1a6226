import ArgumentParser
import SystemPackage

/// `restic-gitfs umount`: saves, unmounts, waits for the serving process and tells how it ended.
struct UnmountCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "umount",
    abstract: "Save what is on a mount, unmount it, and wait until all is stored.",
    discussion: """
      If it cannot be saved it stays mounted and nothing is lost. Exit code 3 says that all is saved, but others had \
      changed the same meanwhile: the message says what to look at.

      EXAMPLES
        restic-gitfs umount ~/vault
          snapshot 1a2b3c4d saved
        restic-gitfs umount --json ~/vault
          {"changed":true,"conflict":false,"message_type":"summary","snapshot":"…"}
      """)

  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  @Flag(help: "Print the result as JSON.")
  var json = false

  /// Of umount(8): every file system.
  @Flag(name: [.customShort("a"), .customLong("all")], help: .hidden)
  var all = false

  @Argument(help: "Where the repository is mounted.", completion: .directory)
  var mountpoint: String?

  func validate() throws {
    if all {
      throw ValidationError("umount takes no --all; name the mountpoint, `restic-gitfs status` lists your mounts")
    }
    guard mountpoint != nil else {
      throw ValidationError("name the mountpoint; `restic-gitfs status` lists your mounts")
    }
  }

  func run(in context: CommandContext) async throws {
    let mount = try MountedDirectory.find(mountpoint ?? "", in: try MountTable.load())
    if mount.isDead {
      try await Unmounting.unmount(mount.path)
      throw CommandError(
        "the process that served \(mount.path) had died; the folder is free again, `restic-gitfs snapshots` shows what was saved"
      )
    }
    let progress = ProgressLine(isQuiet: quiet)
    let status = try mount.status()
    let synchronized = status.readOnly ? nil : try await MountSynchronization(mount: mount, progress: progress).run()

    if !quiet { for warning in synchronized?.warnings ?? [] { context.warn(warning) } }
    let session = try Self.session(of: status)
    try await Unmounting.unmount(mount.path)
    let outcome =
      if let session {
        try await SessionEnd(session: session, mount: mount, progress: progress).wait()
      } else {
        MountOutcome.clean(snapshot: status.snapshot)
      }

    let report = CommitReport(
      snapshot: outcome.snapshot, changed: outcome.snapshot != status.snapshot,
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

  /// The session file, opened while the mount is there: it is removed at the end. Nil for a read-only mount without one.
  private static func session(of status: MountStatus) throws(CommandError) -> SessionObserver? {
    guard let path = status.sessionFile else {
      guard !status.readOnly else { return nil }
      throw CommandError("the mount \(status.mountpoint) names no session file; all is saved, use `fusermount3 -u`")
    }
    do {
      return try SessionObserver(path: FilePath(path))
    } catch {
      throw CommandError(
        "the session file \(path) cannot be read: \(error); all is saved, use `fusermount3 -u \(status.mountpoint)`")
    }
  }
}
