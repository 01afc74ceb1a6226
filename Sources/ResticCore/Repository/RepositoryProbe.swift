/// Finds out what a storage allows this client to do, for a person who wants to know.
///
/// Changes nothing except one lock file, which is removed again.
public struct RepositoryProbe: Sendable {
  /// A lock on the repository.
  public struct Lock: Hashable, Sendable {
    /// The name of its file.
    public let id: LockID
    /// The content of its file.
    public let file: LockFile
    /// Whether it is a lock of this program whose process on this machine has ended.
    public let isDead: Bool
    /// Whether it was not refreshed for so long that restic counts it as stale.
    public let isStale: Bool
  }

  /// The result of writing a lock.
  public struct Write: Hashable, Sendable {
    /// Whether the next listing contained the lock.
    public let isListed: Bool
    /// Whether the storage claims that its listings are immediate.
    public let isPromised: Bool
  }

  /// Whether files can be removed.
  public enum Removal: Hashable, Sendable {
    case allowed
    /// The storage refuses, for this reason.
    case refused(String)
  }

  private let repository: Repository
  private let policy: LockPolicy

  /// A probe of `repository`, which was opened without a cache.
  public init(_ repository: Repository, policy: LockPolicy = LockPolicy()) {
    self.repository = repository
    self.policy = policy
  }

  /// All locks. Removes none, in whatever state. Throws `.damaged` if one cannot be read.
  public func locks() async throws(RepositoryError) -> [Lock] {
    var survey = LockSurvey(repository: repository, policy: policy, clock: .system)
    return try await survey.read().map { found in
      Lock(
        id: found.id, file: found.file, isDead: survey.isDead(found),
        isStale: found.file.time.duration(to: .now()) > policy.staleAfter)
    }
  }

  /// How many snapshots the storage lists.
  public func snapshotCount() async throws(RepositoryError) -> Int {
    do throws(BackendError) {
      return try await repository.backend.list(.snapshot).count
    } catch {
      throw .backend(error)
    }
  }

  /// Writes a shared lock, checks whether it is listed, and removes it.
  public func writeLock() async throws(RepositoryError) -> Write {
    let terms = RepositoryLock.terms(exclusive: false, policy: policy)
    let draft = try LockLease.Draft(of: terms, in: repository, .system)
    let listed: [BackendEntry]
    do throws(RepositoryError) {
      try await draft.save(in: repository)
      listed = try await list()
    } catch {
      // The storage may have stored the file although its answer was lost.
      await LockLease.clearAway(draft.file.id, from: repository)
      throw error
    }
    try await LockLease.remove(draft.file.id, from: repository)
    return Write(
      isListed: listed.contains { $0.file == .lock(draft.file.id) },
      isPromised: await repository.backend.listingsAreImmediate(of: .lock))
  }

  /// Asks the storage to remove a snapshot that does not exist: an append-only server refuses even that, and so does a
  /// server that lets this user remove nothing.
  public func removal() async throws(RepositoryError) -> Removal {
    guard let id = SnapshotID(hex: Hex.text(SecureRandom.bytes(32))) else {
      preconditionFailure("32 bytes are an id")
    }
    do throws(BackendError) {
      try await repository.backend.remove(.snapshot(id))
      return .allowed
    } catch .notFound {
      return .allowed
    } catch .denied(let reason) {
      return .refused(reason)
    } catch {
      throw .backend(error)
    }
  }

  private func list() async throws(RepositoryError) -> [BackendEntry] {
    do throws(BackendError) {
      return try await repository.backend.list(.lock)
    } catch {
      throw .backend(error)
    }
  }
}
