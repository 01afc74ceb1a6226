import ArgumentParser

/// `restic-gitfs sync`: saves a mount's changes and prints the snapshot.
struct SyncCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "sync",
    abstract: "Save a mount as a snapshot and wait until it is stored.",
    discussion: """
      EXAMPLES
        restic-gitfs sync ~/vault
          snapshot 1a2b3c4d saved
        restic-gitfs sync --json ~/vault
          {"changed":true,"conflict":false,"message_type":"summary","saved":true,"snapshot":"…"}
      """)

  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  @Flag(help: "Print the result as JSON.")
  var json = false

  @Argument(help: "Where the repository is mounted.", completion: MountCompletion.kind)
  var mountpoint: String

  func run(in context: CommandContext) async throws {
    let table = try MountTable.loadForCommand()
    let mount = try RepositoryWord(mountpoint, in: table, context.environment).mount(in: table)
    let result = try await MountSynchronization(
      mount: mount, progress: ProgressLine(isQuiet: quiet), waiting: WaitingLine(isQuiet: quiet, log: context.log)
    ).run()
    if !quiet { for warning in result.warnings { context.warn(warning) } }
    CommitReport(
      snapshot: result.snapshot, changed: result.changed, saved: result.saved, isConflict: result.conflict != nil
    )
    .print(json: json, quiet: quiet, in: context)
    if let conflict = result.conflict { throw CommandError(conflict, exitCode: .partial) }
  }
}
