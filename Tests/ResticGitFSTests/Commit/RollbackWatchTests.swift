import Logging
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// D3 An older state is not written on top of, until that is accepted. D4 No listing that lags behind is taken for one.
@Suite("The watch for an older state", .timeLimit(.minutes(30)))
struct RollbackWatchTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let storage = MemoryBackend()
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory(prefix: "rollback-test") }

  /// The repository, opened by a process of this machine, or of another one.
  private func open(_ machine: String = "here", on backend: (any Backend)? = nil) async throws -> Repository {
    if storage.files.isEmpty { _ = try await TestMount.makeRepository(on: storage) }
    var settings = Repository.Settings()
    settings.stateFolder = directory.path.appending(machine)
    settings.logger = Self.logger
    var password = TestMount.password
    let repository = try await Repository.open(
      on: backend ?? storage, password: SecureBytes(wiping: &password), settings: settings)
    try await repository.loadIndex()
    return repository
  }

  private func mount(_ machine: String = "here") async throws -> TestMount {
    try await TestMount(open(machine), watchesRollback: true)
  }

  private func save(_ name: String, on mount: TestMount) async throws {
    try await mount.write(Array(name.utf8), to: name)
    _ = try await mount.commit()
  }

  private func look(
    _ machine: String = "here", accepts: Bool = false, on backend: (any Backend)? = nil
  ) async throws -> RollbackWatch.Look {
    let repository = try await open(machine, on: backend)
    let watch = RollbackWatch(repository: repository, acceptsRollback: accepts, logger: Self.logger)
    return try await watch.look(at: try await repository.snapshotList(), matching: SnapshotFilter())
  }

  private func putBack(_ files: [BackendFile: [UInt8]]) {
    for file in storage.files.keys where files[file] == nil { storage[file] = nil }
    for (file, bytes) in files { storage[file] = bytes }
  }

  /// A mount that has saved `one` and `two`, and the storage as it was after each.
  private struct History {
    let mount: TestMount
    let old: [BackendFile: [UInt8]]
    let new: [BackendFile: [UInt8]]
  }

  private func history() async throws -> History {
    let mount = try await mount()
    try await save("one", on: mount)
    let old = storage.files
    try await save("two", on: mount)
    return History(mount: mount, old: old, new: storage.files)
  }

  /// As `history`, with the older state put back.
  private func rolledBack() async throws -> History {
    let history = try await history()
    putBack(history.old)
    return history
  }

  @Test("only a machine that has seen the newer state reports the rollback; an accepted rollback is not reported again")
  func machines() async throws {
    let history = try await history()
    #expect(try await look().rollback == nil)
    putBack(history.old)
    #expect(try await look("elsewhere").rollback == nil)
    for _ in 0..<2 { #expect(try await look().rollback != nil) }
    putBack(history.new)
    #expect(try await look().rollback == nil)
    putBack(history.old)
    #expect(try await look(accepts: true).rollback == nil)
    #expect(try await look().rollback == nil)
    #expect(try await look().list.snapshots.count == 1)
  }

  @Test("a mount that shows the newer state saves nothing on top of the older state, and keeps its changes")
  func commit() async throws {
    let history = try await rolledBack()
    let mount = history.mount
    try await mount.write(Array("three".utf8), to: "three")
    for _ in 0..<2 {
      let error = await #expect(throws: RolledBackRepository.self) { try await mount.commit() }
      #expect(error?.description.contains("nothing was saved, and what was written stays here") == true)
      #expect(error?.description.contains("restic-gitfs snapshots -r LOCATION --accept-rollback") == true)
    }
    #expect(mount.coordinator.current.phase == .dirty && mount.coordinator.current.rollback != nil)
    #expect(storage.files.keys.count { $0.type == .snapshot } == 1)
    #expect(try await mount.names() == ["one", "two", "three"])
    // The newer state is back: all is saved.
    putBack(history.new.merging(storage.files) { $1 })
    _ = try await mount.commit()
    #expect(mount.coordinator.current.rollback == nil)
    #expect(try await TestMount(open()).names() == ["one", "two", "three"])
  }

  @Test("once another process has accepted the rollback, such a mount saves its changes on top of the older state")
  func acceptedElsewhere() async throws {
    let mount = try await rolledBack().mount
    try await mount.write(Array("three".utf8), to: "three")
    await #expect(throws: RolledBackRepository.self) { try await mount.commit() }
    _ = try await look(accepts: true)
    _ = try await mount.commit()
    #expect(try await TestMount(open()).names() == ["one", "three"])
  }

  @Test("a clean mount goes on showing the newer state, and says why, until that state is back")
  func refresh() async throws {
    let history = try await rolledBack()
    let mount = history.mount
    #expect(try await !mount.coordinator.refresh())
    #expect(mount.coordinator.current.rollback != nil)
    #expect(try await mount.names() == ["one", "two"])
    #expect(try await !mount.coordinator.catchUp())
    putBack(history.new)
    _ = try await mount.coordinator.refresh()
    #expect(mount.coordinator.current.rollback == nil)
    #expect(try await mount.coordinator.catchUp())
  }

  @Test("a stored snapshot that is not listed yet is found by its name, and counts as the newest")
  func lagging() async throws {
    let new = try await history().new
    let seen = try #require(try await look().list.snapshots.last)
    let backend = LaggingBackend(base: storage) { $0 == .snapshot(seen.id) }
    let look = try await look(on: backend)
    #expect(look.rollback == nil && look.list.snapshots.last?.id == seen.id)
    // A mount that commits with such a listing follows it.
    let mount = try await TestMount(open(on: backend), watchesRollback: true)
    try await save("three", on: mount)
    #expect(try await TestMount(open()).names() == ["one", "two", "three"])
    #expect(new.count < storage.files.count)
  }

  @Test("snapshots on top of the older state do not replace the seen ones, whatever is looked at")
  func notReplaced() async throws {
    _ = try await rolledBack()
    let other = try await mount("elsewhere")
    try await save("three", on: other)
    let repository = try await open()
    let list = try await repository.snapshotList()
    let watch = RollbackWatch(repository: repository, acceptsRollback: false, logger: Self.logger)
    // A look at something else of the same repository.
    #expect(try await watch.look(at: list) { $0.paths == ["/home"] }.rollback == nil)
    #expect(try await watch.look(at: list, matching: SnapshotFilter()).rollback != nil)
    #expect(try await watch.lookAtAll(of: list, matching: SnapshotFilter()).rollbacks.count == 1)
    #expect(try await watch.look(at: list, matching: SnapshotFilter(paths: ["/home"])).rollback == nil)
    #expect(try await look().rollback?.message.contains("was made without") == true)
  }

  @Test("a snapshot from the future is not remembered: its removal is no rollback")
  func ahead() async throws {
    _ = try await history()
    let repository = try await open()
    let newest = try #require(try await repository.latestSnapshot(matching: SnapshotFilter()))
    var snapshot = newest.snapshot
    snapshot.time = Timestamp(seconds: Timestamp.now().seconds + 2 * 86_400, nanoseconds: 0)
    let tree = try await repository.makeUploader().finish(root: snapshot.tree)
    let planted = try await repository.saveSnapshot(snapshot, of: tree)
    #expect(try await look().rollback == nil)
    storage[.snapshot(planted.id)] = nil
    #expect(try await look().rollback == nil)
    storage[.snapshot(newest.id)] = nil
    #expect(try await look().rollback != nil)
  }
}
