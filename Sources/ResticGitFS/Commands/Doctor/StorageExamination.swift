import Glibc
import Logging
import ResticCore
import SystemPackage

/// Examines one repository, one check at a time. Writes only a lock, which it removes again, and uses no cache.
struct StorageExamination: Sendable {
  /// The time limit of each check.
  private static let limit = Duration.seconds(30)
  /// Milliseconds within which a program that pipes the password must have begun.
  private static let inputLimit: Int32 = 10_000
  /// A storage that fails for a moment is asked again, but not for long, because the user waits.
  private static let retries = RetryPolicy(timeLimit: .seconds(3), contactLimit: .zero)

  /// The repository's options, completed by the configuration file.
  let repository: RepositoryOptions
  /// The log.
  let logger: Logger
  /// The process's environment and output.
  let context: CommandContext

  /// Makes the checks, and calls `report` with each verdict as soon as it is known.
  func run(_ report: (DoctorCheck) -> Void) async {
    let (location, backend): (BackendLocation, any Backend)
    do throws(CommandError) {
      location = try repository.location(context.environment)
      backend = try makeBackend(at: location)
    } catch {
      return report(.fail("storage", error.description, advice: "`restic-gitfs mount --help` explains locations"))
    }
    let storage = await bounded("storage") { StorageChecks.storage(location.description, await Self.find(backend)) }
    report(storage)
    guard storage.verdict == .ok else { return }
    let clock =
      await Deadline.run(Self.limit) { await Self.clock(backend) }
      ?? StorageChecks.unanswered("clock", after: Self.limit)
    if let clock { report(clock) }
    guard let opened = await open(location, backend, report) else { return }
    await look(RepositoryProbe(opened), clockIsKnown: clock != nil, report)
    report(
      await bounded(SeenCheck.name) { [logger] in
        await Self.check(SeenCheck.name) { () async throws(RepositoryError) in
          try await SeenCheck.run(opened, logger: logger)
        }
      })
  }

  private func look(
    _ probe: RepositoryProbe, clockIsKnown: Bool, _ report: (DoctorCheck) -> Void
  ) async {
    report(
      await bounded("snapshots") {
        let begin = ContinuousClock.now
        return await Self.check("snapshots") { () async throws(RepositoryError) in
          StorageChecks.listing(try await probe.snapshotCount(), in: begin.duration(to: .now))
        }
      })
    report(
      await bounded("locks") {
        await Self.check("locks") { () async throws(RepositoryError) in StorageChecks.locks(try await probe.locks()) }
      })
    let write = await Deadline.run(Self.limit) {
      await Result(awaiting: { () async throws(RepositoryError) in try await probe.writeLock() })
    }
    report(write.map(StorageChecks.writing) ?? StorageChecks.unanswered("writing", after: Self.limit))
    if !clockIsKnown {
      if case .success(let lock)? = write {
        report(StorageChecks.clock(lock.clockOffset))
      } else {
        report(.ok("clock", "is not compared: a storage of this kind tells its time when a lock is written"))
      }
    }
    report(
      await bounded("removing") {
        await Self.check("removing") { () async throws(RepositoryError) in
          StorageChecks.removal(try await probe.removal())
        }
      })
  }

  private func makeBackend(at location: BackendLocation) throws(CommandError) -> any Backend {
    let transport = try repository.network.transport(context.environment)
    do throws(OptionError) {
      let limited = try location.makeBackend(
        options: repository.options, transport: transport, s3: context.environment.s3, logger: logger)
      return RetryingBackend(limited, policy: Self.retries, logger: logger)
    } catch {
      throw CommandError(error.description)
    }
  }

  // MARK: The password

  /// Opens the repository. Returns nil after an error, which is reported.
  private func open(
    _ location: BackendLocation, _ backend: any Backend, _ report: (DoctorCheck) -> Void
  ) async -> Repository? {
    let password: SecureBytes
    do {
      password = try await self.password(of: location)
    } catch {
      report(.fail("password", "\(error)", advice: "without it the repository cannot be looked into"))
      return nil
    }
    var settings = Repository.Settings()
    settings.logger = logger
    settings.stateFolder = context.environment.stateHome?.appending("restic-gitfs")
    let (hint, chosen) = (repository.keyHint ?? context.environment[.keyHint], settings)
    let result = await Deadline.run(Self.limit) {
      await Result(awaiting: { () async throws(RepositoryError) in
        try await Repository.open(on: backend, password: password, keyHint: hint, settings: chosen)
      })
    }
    switch result {
    case nil: report(StorageChecks.unanswered("password", after: Self.limit))
    case .failure(let error)?: report(StorageChecks.password(error))
    case .success(let repository)?:
      report(StorageChecks.password(nil))
      return repository
    }
    return nil
  }

  /// Reads the password from its source. A user at a terminal has unlimited time; every other source is limited. git's
  /// credential helpers are asked, but are not told whether the password was right.
  private func password(of location: BackendLocation) async throws(CommandError) -> SecureBytes {
    var reader = try repository.passwordReader(in: context)
    if case .person = reader.source, !context.terminal.canAsk {
      var input = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      guard poll(&input, 1, Self.inputLimit) > 0 else { throw reader.missing(for: location) }
    }
    let isPerson = context.terminal.canAsk
    // A program that does not answer is ended, so that it is not left behind.
    if !isPerson { reader.programLimit = Self.limit }
    let answer = await Deadline.run(isPerson ? .seconds(86400) : Self.limit + .seconds(5)) {
      [reader] () -> Result<SecureBytes?, CommandError> in
      do {
        return .success(try await reader.password(of: location)?.password)
      } catch {
        return .failure((error as? CommandError) ?? CommandError("\(error)"))
      }
    }
    guard let answer else { throw CommandError("nobody gave it in \(Self.limit.components.seconds) s") }
    guard let password = try answer.get() else { throw reader.missing(for: location) }
    return password
  }

  // MARK: Parts

  private func bounded(_ name: String, _ check: @escaping @Sendable () async -> DoctorCheck) async -> DoctorCheck {
    await Deadline.run(Self.limit, check) ?? StorageChecks.unanswered(name, after: Self.limit)
  }

  private static func check(
    _ name: String, _ body: () async throws(RepositoryError) -> DoctorCheck
  ) async -> DoctorCheck {
    do throws(RepositoryError) {
      return try await body()
    } catch {
      return .fail(name, "\(error)", advice: "`restic check` says more")
    }
  }

  /// Why the config cannot be loaded; nil if it can.
  private static func find(_ backend: any Backend) async -> BackendError? {
    do throws(BackendError) {
      _ = try await backend.byteCount(of: .config)
      return nil
    } catch {
      return error
    }
  }

  /// Checks the storage's clock. Nil if the storage's answers do not tell its time: the storage may still give a time
  /// to a file that is written there.
  private static func clock(_ backend: any Backend) async -> DoctorCheck? {
    do throws(BackendError) {
      return try await backend.clockOffset().map { StorageChecks.clock($0) }
    } catch {
      return .warning("clock", "the storage did not tell its time: \(error)", advice: "look at the storage")
    }
  }
}
