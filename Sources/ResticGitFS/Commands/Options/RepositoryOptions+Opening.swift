import Logging
import ResticCore

extension RepositoryOptions {
  /// The storage at `location`, with retries and a limit on connections around it.
  func backend(at location: BackendLocation, logger: Logger) -> any Backend {
    RetryingBackend(LimitedBackend(location.makeBackend()), logger: logger)
  }

  /// The repository at `location`, opened with the password from wherever it comes; a person has three tries.
  ///
  /// Whether there is a repository is checked first: nobody types a password for nothing.
  func open(
    at location: BackendLocation, settings: Repository.Settings, in context: CommandContext
  ) async throws -> Repository {
    let reader = try passwordReader(in: context)
    let backend = backend(at: location, logger: settings.logger)
    do throws(RepositoryError) {
      try await Self.checkConfig(of: backend, at: location)
    } catch {
      throw CommandError(error, location: location.description)
    }
    for triesLeft in (0..<reader.tries).reversed() {
      let password = try await reader.password()
      do throws(RepositoryError) {
        return try await Repository.open(
          on: backend, password: password, keyHint: keyHint ?? context.environment[.keyHint], settings: settings)
      } catch {
        guard case .wrongPassword = error, triesLeft > 0 else {
          throw CommandError(error, location: location.description)
        }
        context.warn("wrong password or no key found. Try again")
      }
    }
    preconditionFailure("there is at least one try, and the last one returns or throws")
  }

  /// Where the password comes from. Takes RESTIC_PASSWORD out of the environment.
  func passwordReader(in context: CommandContext) throws(CommandError) -> PasswordReader {
    let source = try PasswordSource.choose(self, context.environment, takePassword: Environment.takePassword)
    return PasswordReader(source: source, terminal: context.terminal)
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
