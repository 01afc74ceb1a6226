import ArgumentParser
import ResticCore

/// `restic-gitfs snapshots`: lists the stored snapshots, oldest first, in restic's columns or its JSON.
struct SnapshotsCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshots",
    abstract: "List the snapshots of a repository.",
    discussion: """
      EXAMPLES
        restic-gitfs snapshots -r /srv/vault
        restic-gitfs snapshots vault         (named in the configuration file)
        restic-gitfs snapshots ~/vault       (a mount)
        restic-gitfs snapshots -r /srv/vault --tag git,work --json
        restic-gitfs snapshots -r /srv/vault --accept-rollback
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var filter: FilterOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Take no lock: as ever, this command takes none.")
  var noLock = false

  @Flag(help: "Accept that the storage shows an older state of the repository than this machine has seen.")
  var acceptRollback = false

  @Flag(help: "Print restic's JSON: an array of snapshots with their ids.")
  var json = false

  @OptionGroup var argument: RepositoryArgument

  func run(in context: CommandContext) async throws {
    let chosen = try repository.chosen(by: argument.word, of: "snapshots", context.environment)
    let context = context.with(chosen.environment)
    let (repository, location) = (chosen.options, try chosen.location)
    var settings = Repository.Settings()
    let logger = try output.makeLogger(context.log)
    settings.logger = logger
    let opened = try await repository.open(
      at: location, options: repository.options, settings: settings, in: context)

    let filter = filter.completed(by: chosen.entry).filter(context.environment)
    let all: SnapshotList
    let rollbacks: [Rollback]
    do throws(RepositoryError) {
      let list = try await opened.snapshotList()
      opened.warnOfDamage(in: list)
      let watch = RollbackWatch(repository: opened, acceptsRollback: acceptRollback, logger: logger)
      (all, rollbacks) = try await watch.lookAtAll(of: list, matching: filter)
    } catch {
      throw CommandError(error, location: location.description)
    }
    for rollback in rollbacks {
      context.warn(
        "\(rollback.seen.snapshot.paths.joined(separator: " ")): \(rollback.message) (--accept-rollback accepts that)")
    }
    let listed = all.snapshots.filter { filter.matches($0.snapshot) }
    if json {
      StandardStream.output.write(SnapshotTable.json(listed))
    } else {
      StandardStream.output.write(SnapshotTable.text(listed))
    }
  }
}
