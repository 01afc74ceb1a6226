import Logging
import ResticCore

extension RepositoryOptions {
  /// The storage at `location`, with retries and a limit on connections around it, as the storage's `options` have it.
  func backend(
    at location: BackendLocation, options: [String], waiting: WaitingNotes = WaitingNotes(), logger: Logger,
    _ environment: Environment
  ) throws(CommandError) -> any Backend {
    let transport = try network.transport(environment)
    do throws(OptionError) {
      let limited = try location.makeBackend(options: options, transport: transport, logger: logger)
      return RetryingBackend(limited, waiting: waiting, logger: logger)
    } catch {
      throw CommandError(error.description)
    }
  }

  /// The repository at `location`, opened with the password from wherever it comes. A person has three tries, and git's
  /// credential helpers hear what came of each. `options`: those of the storage; `isForGit`: git has started us.
  ///
  /// Whether there is a repository is checked first: nobody types a password for nothing.
  func open(
    at location: BackendLocation, options: [String], settings: Repository.Settings, isForGit: Bool = false,
    in context: CommandContext
  ) async throws -> Repository {
    var reader = try passwordReader(in: context)
    reader.isForGit = isForGit
    let backend = try backend(
      at: location, options: options, waiting: settings.waiting, logger: settings.logger, context.environment)
    do throws(RepositoryError) {
      try await Self.checkConfig(of: backend, at: location)
    } catch {
      throw CommandError(error, location: location.description)
    }
    let wrongPassword = CommandError(.wrongPassword, location: location.description)
    for attempt in 1... {
      guard let answer = try await reader.password(of: location) else {
        throw attempt > 1 ? wrongPassword : reader.missing(for: location)
      }
      do throws(RepositoryError) {
        let repository = try await Repository.open(
          on: backend, password: answer.password, keyHint: keyHint ?? context.environment[.keyHint], settings: settings)
        await answer.credential?.approve()
        return repository
      } catch .wrongPassword {
        await answer.credential?.reject()
        guard answer.credential != nil, attempt < PasswordReader.tries else { throw wrongPassword }
        context.warn("wrong password or no key found. Try again")
      } catch {
        throw CommandError(error, location: location.description)
      }
    }
    preconditionFailure("the last try returns or throws")
  }

  /// Where the password comes from. Takes RESTIC_PASSWORD out of the environment.
  func passwordReader(in context: CommandContext) throws(CommandError) -> PasswordReader {
    let source = try PasswordSource.choose(self, context.environment, takePassword: Environment.takePassword)
    return PasswordReader(
      source: source, terminal: context.terminal, mayPrompt: context.environment.allowsTerminalPrompt)
  }

  private static func checkConfig(
    of backend: any Backend, at location: BackendLocation
  ) async throws(RepositoryError) {
    let byteCount: Int
    do throws(BackendError) {
      byteCount = try await backend.byteCount(of: .config)
    } catch {
      switch error {
      case .notFound, .missing: throw .noRepository(location.description)
      default: throw .backend(error)
      }
    }
    guard byteCount > 0 else { throw .damaged("the config file of \(location) is empty") }
  }
}
