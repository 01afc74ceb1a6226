import Logging
import ResticCore
import SystemPackage

extension RepositoryOptions {
  /// The storage at `location`, with retries and a limit on connections, as set in the storage's `options`.
  func backend(
    at location: BackendLocation, options: [String], waiting: WaitingNotes = WaitingNotes(),
    traffic: TrafficCounter = TrafficCounter(), logger: Logger, _ environment: Environment
  ) throws(CommandError) -> any Backend {
    let transport = try network.transport(environment)
    do throws(OptionError) {
      let limited = try location.makeBackend(
        options: options, transport: transport, s3: environment.s3, logger: logger)
      return RetryingBackend(MeteredBackend(limited, traffic: traffic), waiting: waiting, logger: logger)
    } catch {
      throw CommandError(error.description)
    }
  }

  /// The repository at `location`, opened with the password from any source. A person has three tries, and git's
  /// credential helpers are told the result of each. `options`: those of the storage; `isForGit`: git has started this
  /// process.
  ///
  /// Whether there is a repository is checked first: nobody types a password for nothing. In a network, what `scope` says is read
  /// beside that.
  func open(
    at location: BackendLocation, options: [String], settings: Repository.Settings, isForGit: Bool = false,
    reading scope: OpeningReads.Scope = .keys, in context: CommandContext
  ) async throws -> Repository {
    var reader = try passwordReader(in: context)
    reader.isForGit = isForGit
    let backend = try backend(
      at: location, options: options, waiting: settings.waiting, traffic: settings.traffic, logger: settings.logger,
      context.environment)
    let hint = keyHint ?? context.environment[.keyHint]
    var settings = settings
    settings.cache = await cache.place(
      for: location, on: backend, logger: settings.logger, context.environment)
    settings.stateFolder = context.environment.stateHome?.appending("restic-gitfs")
    if settings.stateFolder == nil {
      settings.logger.warning(
        "there is no folder for this program's state, so an older state of the storage would go unnoticed: set XDG_STATE_HOME"
      )
    }
    // A listing of thousands of files takes longer on a disk of this machine than reading early saves.
    let reads = OpeningReads(of: backend, cache: settings.cache, keyHint: hint, backend.isDistant ? scope : .keys)
    do throws(RepositoryError) {
      try await reads.requireConfig()
    } catch {
      throw CommandError(Self.naming(location, in: error), location: location.description)
    }
    let wrongPassword = CommandError(.wrongPassword, location: location.description)
    for attempt in 1... {
      guard let answer = try await reader.password(of: location) else {
        throw attempt > 1 ? wrongPassword : reader.missing(for: location)
      }
      do throws(RepositoryError) {
        let repository = try await Repository.open(
          on: backend, password: answer.password, keyHint: hint, settings: settings, reads: reads)
        await answer.credential?.approve()
        if let place = settings.cache { await cache.cleanUp(place, logger: settings.logger, in: context) }
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

  /// The source of the password. Removes RESTIC_PASSWORD from the environment.
  func passwordReader(in context: CommandContext) throws(CommandError) -> PasswordReader {
    let source = try PasswordSource.choose(self, context.environment, takePassword: Environment.takePassword)
    return PasswordReader(
      source: source, terminal: context.terminal, mayPrompt: context.environment.allowsTerminalPrompt)
  }

  /// `error` with the location as the person wrote it.
  private static func naming(_ location: BackendLocation, in error: RepositoryError) -> RepositoryError {
    switch error {
    case .noRepository: .noRepository(location.description)
    case .damaged: .damaged("the config file of \(location) is empty")
    default: error
    }
  }
}
