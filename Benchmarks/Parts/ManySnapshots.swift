import ResticCore
import SystemPackage

/// Opening a repository of 18,000 snapshots: five years of twenty people, ten pushes a day.
enum ManySnapshots {
  private static let count = 18_000
  /// As long as a mount's.
  private static let paths = ["/git"]

  /// Seconds of opening a new repository in `directory` and listing its snapshots: without a record, with an empty one, with
  /// one that has them all, and after one more.
  static func measure(in directory: String) async throws -> [String: Double] {
    let backend = LocalBackend(path: FilePath(directory).appending("repository"))
    let made = try await make(on: backend)
    var plain = Repository.Settings()
    plain.scryptCost = .minimum
    var recording = plain
    recording.cache = CachePlace(folder: FilePath(directory).appending("cache"), keepsFiles: false)
    var seconds: [String: Double] = ["snapshots": Double(count)]
    for (name, settings) in [
      ("snapshots_unrecorded_seconds", plain), ("snapshots_first_seconds", recording),
      ("snapshots_recorded_seconds", recording),
    ] {
      let time = try await ContinuousClock().measure { _ = try await list(backend, settings) }
      seconds[name] = time.seconds
    }
    let repository = try await list(backend, recording)
    try await saveOneMore(made)
    let time = try await ContinuousClock().measure { _ = try await repository.snapshotList() }
    seconds["snapshots_one_more_seconds"] = time.seconds
    seconds["snapshots_fork_walk_seconds"] = try await forkWalk(repository, forgetting: nil)
    seconds["snapshots_fork_walk_with_gap_seconds"] = try await forkWalk(repository, forgetting: count / 2)
    return seconds
  }

  /// Seconds of a list, the newest in it and a look for forks, as a commit makes them; without the snapshot at `index`.
  private static func forkWalk(_ repository: Repository, forgetting index: Int?) async throws -> Double {
    if let index { try await repository.forget([try await repository.snapshots()[index]]) }
    let time = try await ContinuousClock().measure {
      let list = try await repository.snapshotList()
      guard let newest = try list.newest(where: { _ in true }) else { return }
      precondition(SnapshotFork.forks(among: list.snapshots, beside: newest).isEmpty, "each builds upon the one before")
    }
    return time.seconds
  }

  private static func list(_ backend: LocalBackend, _ settings: Repository.Settings) async throws -> Repository {
    let repository = try await Repository.open(on: backend, password: password(), settings: settings)
    let list = try await repository.snapshotList()
    precondition(list.snapshots.count >= count, "each snapshot is listed")
    return repository
  }

  private static func make(on backend: LocalBackend) async throws -> Repository {
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    let repository = try await Repository.create(on: backend, password: password(), settings: settings)
    let uploader = repository.makeUploader()
    let root = try await uploader.add(Array("{\"nodes\":[]}\n".utf8), type: .tree)
    let tree = try await uploader.finish(root: root)
    // Each builds upon the one before, as a mount's do: names first, files then.
    var sealed: [SealedSnapshot] = []
    for number in 0..<count {
      sealed.append(try repository.seal(snapshot(number, of: root, upon: sealed.last?.saved.id), of: tree))
    }
    let all = sealed
    try await withThrowingTaskGroup { group in
      for first in 0..<8 {
        group.addTask {
          for number in stride(from: first, to: count, by: 8) { try await repository.save(all[number]) }
        }
      }
      try await group.waitForAll()
    }
    return repository
  }

  private static func saveOneMore(_ repository: Repository) async throws {
    let newest = try await repository.latestSnapshot(matching: SnapshotFilter())
    let uploader = repository.makeUploader()
    let root = try await uploader.add(Array("{\"nodes\":[]}\n".utf8), type: .tree)
    let tree = try await uploader.finish(root: root)
    try await repository.save(try repository.seal(snapshot(count, of: root, upon: newest?.id), of: tree))
  }

  private static func snapshot(_ number: Int, of root: BlobID, upon parent: SnapshotID?) -> Snapshot {
    let time = Timestamp(seconds: 1_600_000_000 + Int64(number) * 3600, nanoseconds: UInt32(number))
    let summary = SnapshotSummary(
      backupStart: time, backupEnd: time, filesNew: UInt64(number), dataBlobs: 3, treeBlobs: 5, dataAdded: 4711,
      dataAddedPacked: 2345, totalFilesProcessed: 7, totalBytesProcessed: 123_456_789)
    return Snapshot(
      time: time, parent: parent, tree: root, paths: paths, hostname: "machine-\(number % 20)", username: "user",
      uid: 1000, gid: 1000, programVersion: "restic-gitfs 0.1.0", summary: summary)
  }

  private static func password() -> SecureBytes {
    var bytes = Array("benchmark".utf8)
    return SecureBytes(wiping: &bytes)
  }
}
