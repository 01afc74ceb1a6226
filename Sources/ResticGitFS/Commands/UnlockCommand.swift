import ArgumentParser
import ResticCore

/// `restic-gitfs unlock`: removes this program's locks that have no holder any more.
struct UnlockCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "unlock",
    abstract: "Remove locks of this program that a dead process left behind.",
    discussion: """
      Removes only locks whose owner is certainly dead: locks of a process on this machine that has ended, and commit \
      locks that were not refreshed while this command watched them for two minutes. Locks of restic itself stay: \
      `restic unlock` removes those. Mounts remove such locks when they find them, so you rarely need this command.

      EXAMPLES
        restic-gitfs unlock -r /srv/vault
        restic-gitfs unlock -r /srv/vault --json
          {"message_type":"unlocked","removed":[{"commit_lock":false,"hostname":"…","id":"…","pid":17}]}
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var output: OutputOptions

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var argument: RepositoryArgument

  /// The output of `--json`.
  private struct Report: Encodable {
    struct Lock: Encodable {
      let id: String
      let hostname: String
      let pid: Int32
      let isCommitLock: Bool

      private enum CodingKeys: String, CodingKey {
        case id
        case hostname
        case pid
        case isCommitLock = "commit_lock"
      }
    }

    let messageType = "unlocked"
    let removed: [Lock]

    private enum CodingKeys: String, CodingKey {
      case messageType = "message_type"
      case removed
    }
  }

  func run(in context: CommandContext) async throws {
    let chosen = try repository.chosen(by: argument.word, of: "unlock", context.environment)
    let context = context.with(chosen.environment)
    let (repository, location) = (chosen.options, try chosen.location)
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
    if json {
      let locks = removed.map {
        Report.Lock(id: $0.id.hex, hostname: $0.file.hostname, pid: $0.file.pid, isCommitLock: $0.isCommitLock)
      }
      return context.say(JSONText.line(Report(removed: locks)))
    }
    if output.quiet { return }
    for lock in removed {
      let kind = lock.isCommitLock ? "commit lock" : "lock"
      context.say("removed \(kind) \(lock.id.short) of process \(lock.file.pid) on \(lock.file.hostname)")
    }
    context.say(removed.isEmpty ? "no locks to remove" : "\(removed.count) removed")
  }
}
