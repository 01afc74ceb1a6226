import ArgumentParser
import ResticCore

/// `restic-gitfs init`: makes an empty repository, which restic can open too.
struct InitCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Create an empty restic repository.",
    discussion: """
      EXAMPLES
        restic-gitfs init -r /srv/vault
        restic-gitfs init -r sftp:user@nas:vault
        restic-gitfs init -r rest:https://user:password@nas:8000/vault/
        restic-gitfs init -r rclone:mycloud:bucket/vault
        restic-gitfs init -r /srv/vault --password-file ~/.vault-password
        restic-gitfs init -r /srv/vault --json
          {"id":"…","message_type":"initialized","repository":"/srv/vault"}

      Keep the password safe: without it, nobody can read the repository.
      """)

  @OptionGroup var repository: RepositoryOptions
  @OptionGroup var output: OutputOptions

  @Option(
    help: ArgumentHelp("The format: 2, or 1 for restic before 0.14 (no compression).", valueName: "version"))
  var repositoryVersion = 2

  @Flag(help: "Print the result as JSON.")
  var json = false

  @OptionGroup var argument: RepositoryArgument

  /// The output of `--json`; the names are restic's.
  private struct Report: Encodable {
    let messageType = "initialized"
    let id: String
    let repository: String

    private enum CodingKeys: String, CodingKey {
      case messageType = "message_type"
      case id
      case repository
    }
  }

  func validate() throws {
    guard [1, 2].contains(repositoryVersion) else {
      throw ValidationError("--repository-version can be 1 or 2")
    }
  }

  func run(in context: CommandContext) async throws {
    let chosen = try repository.chosen(by: argument.word, of: "init", context.environment)
    let context = context.with(chosen.environment)
    let (repository, location) = (chosen.options, try chosen.location)
    var settings = Repository.Settings()
    settings.logger = try output.makeLogger(context.log)
    let backend = try repository.backend(
      at: location, options: repository.options, logger: settings.logger, context.environment)
    let reader = try repository.passwordReader(in: context)
    try await refuseExisting(backend, at: location)

    let created: Repository
    do {
      created = try await Repository.create(
        on: backend, version: repositoryVersion, password: try await reader.newPassword(), settings: settings)
    } catch let error as RepositoryError {
      throw CommandError(error, location: location.description)
    }
    if json {
      context.say(JSONText.line(Report(id: created.config.id, repository: location.description)))
    } else if !output.quiet {
      context.say("created restic repository \(created.config.id.prefix(10)) at \(location)")
      context.say("")
      context.say("Keep the password safe: if you lose it, nobody can recover your data.")
    }
  }

  /// Checked before anybody types a password in vain; `Repository.create` checks again.
  private func refuseExisting(_ backend: any Backend, at location: BackendLocation) async throws {
    do throws(BackendError) {
      _ = try await backend.byteCount(of: .config)
    } catch {
      switch error {
      case .notFound, .missing: return
      default: throw CommandError(.backend(error), location: location.description)
      }
    }
    throw CommandError(.alreadyInitialized(location.description), location: location.description)
  }
}
