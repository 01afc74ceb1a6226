import ArgumentParser
import ResticCore

/// `restic-gitfs unlock`: removes locks of ours that nobody holds any more.
struct UnlockCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlock",
    abstract: "Remove locks of this program that a dead process left behind.",
    discussion: """
      Only locks whose owner is dead beyond doubt are removed: those of a process on this machine that has ended, and \
      commit locks that are not refreshed for two minutes, which it waits for. Locks of restic itself are left alone: \
      `restic unlock` removes those. Nobody has to call it: mounts remove such locks when they meet them.

      EXAMPLES
        restic-gitfs unlock -r /srv/vault
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var output: OutputOptions

  func run(in context: CommandContext) async throws {
    let location = try repository.location(context.environment)
    var settings = Repository.Settings()
    settings.logger = try output.makeLogger(context.log)
    let opened = try await repository.open(
      at: location, options: repository.options, settings: settings, in: context)
    let removed: [RemovedLock]
    do throws(RepositoryError) {
      removed = try await RepositoryLock.removeStale(on: opened)
    } catch {
      throw CommandError(error, location: location.description)
    }
    if output.quiet { return }
    for lock in removed {
      let kind = lock.isCommitLock ? "commit lock" : "lock"
      context.say("removed \(kind) \(lock.id.short) of process \(lock.file.pid) on \(lock.file.hostname)")
    }
    context.say(removed.isEmpty ? "no locks to remove" : "\(removed.count) removed")
  }
}
