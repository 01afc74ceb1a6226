import SystemPackage

/// The snapshots that this machine has read of a repository, in a file of the cache: who opens a repository lists its
/// snapshots, and reads those that are new.
///
/// 1. An entry is what the snapshot file of that id held when somebody with the repository's key had read it. Snapshot files
///    never change, so an entry is right whenever it was written; whether there is such a snapshot is the listing's to tell.
/// 2. Adding takes time in proportion to what is added. The file is written anew, with what is listed and nothing else, when
///    its small frames or its dead entries are many (`isDue`).
/// 3. What is wrong with the file costs the reading of snapshots, and nothing else.
///
/// One task at a time reads or writes; `gate` is held across the calls.
final class SnapshotRecord: Sendable {
  /// So many frames, beside one for each `frameShare` entries, and so many dead entries are no reason to write the file anew.
  private static let slack = 256
  private static let frameShare = 8

  private let cache: RepositoryCache
  private let file: SnapshotRecordFile
  private let gate = AsyncGate()
  private let position = Locked(SnapshotRecordFile.Position())

  /// The record in `cache`, which is that of the repository that `masterKey` opens.
  init(_ cache: RepositoryCache, masterKey: MasterKey) {
    self.cache = cache
    file = SnapshotRecordFile(masterKey: masterKey)
  }

  /// What has come since this was called before; all of it at first.
  func news() async -> [RecordedSnapshot] {
    await withPosition { file, position, folder throws(Errno) in try file.read(in: folder, from: &position) } ?? []
  }

  /// Adds a snapshot that this process has saved, while the caller goes on.
  func addBeside(_ snapshot: RecordedSnapshot) {
    cache.changeBeside { [self] in await add(snapshot) }
  }

  private func add(_ snapshot: RecordedSnapshot) async {
    _ = await withPosition { file, position, folder throws(Errno) in
      if try file.append([snapshot], in: folder, at: &position) == .missing {
        try file.replace(with: [snapshot], in: folder, at: &position)
      }
    }
  }

  /// Adds `new`, or writes the file anew with what `all` returns, where that is due. `listedCount` is how many snapshots there
  /// are.
  func update(
    adding new: [RecordedSnapshot], listedCount: Int, all: @escaping @Sendable () -> [RecordedSnapshot]
  ) async {
    _ = await withPosition { file, position, folder throws(Errno) in
      let isDue = Self.isDue(position, listedCount: listedCount)
      guard isDue || !new.isEmpty else { return }
      if !isDue, try file.append(new, in: folder, at: &position) != .missing { return }
      try file.replace(with: all(), in: folder, at: &position)
    }
  }

  private static func isDue(_ position: SnapshotRecordFile.Position, listedCount: Int) -> Bool {
    position.isDamaged || position.frameCount > slack + listedCount / frameShare
      || position.entryCount > slack + 2 * listedCount
  }

  /// The result of `body`, which alone has the file as far as this process goes; nil where there is no cache.
  private func withPosition<Success: Sendable>(
    _ body:
      @escaping @Sendable (
        SnapshotRecordFile, inout SnapshotRecordFile.Position, borrowing OwnFolder
      ) throws(Errno) -> Success
  ) async -> Success? {
    await gate.pass {
      await cache.withFolder { [file, position = position.withLock { $0 }, self] folder throws(Errno) in
        var next = position
        // Also after an error: it says what was read.
        defer { self.position.withLock { [next] in $0 = next } }
        return try body(file, &next, folder)
      }
    }
  }
}
