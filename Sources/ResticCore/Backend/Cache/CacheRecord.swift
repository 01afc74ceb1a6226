import SystemPackage

/// What a `CacheRecord` holds of a file that was read.
protocol CacheRecordEntry: Sendable {
  /// The record's name in the repository's folder of the cache.
  static var recordName: String { get }
  /// What the record begins with: a line with the version of the format.
  static var recordHeader: String { get }
  /// What tells the record's key from other keys that follow from the repository's.
  static var recordPurpose: StaticString { get }
  /// The most bytes that a group has.
  static var groupByteLimit: Int { get }

  /// `entries` in groups of at most `groupByteLimit` bytes; an entry that is too large is in none.
  static func encode(_ entries: some Sequence<Self>) -> [[UInt8]]
  /// The entries of a group.
  static func decode(_ group: [UInt8]) throws(FormatError) -> [Self]
}

/// The small files of one type that this machine has read of a repository, in one file of the cache: who opens a repository lists its
/// snapshots and its index files, and reads those that are new.
///
/// 1. An entry is what the file of that id held when somebody with the repository's key had read it. Such files never change, so
///    an entry is right whenever it was written; whether there is such a file is the listing's to tell.
/// 2. Adding takes time in proportion to what is added. The file is written anew, with what is listed and nothing else, when
///    its small frames or its dead entries are many (`isDue`).
/// 3. What is wrong with the file costs the reading of what it holds, and nothing else.
///
/// One task at a time reads or writes; `gate` is held across the calls.
final class CacheRecord<Entry: CacheRecordEntry>: Sendable {
  /// So many frames, beside one for each `frameShare` entries, and so many dead entries are no reason to write the file anew.
  private static var slack: Int { 256 }
  private static var frameShare: Int { 8 }

  private let cache: RepositoryCache
  private let file: CacheRecordFile<Entry>
  private let gate = AsyncGate()
  private let position = Locked(CacheRecordFile<Entry>.Position())

  /// The record in `cache`, which is that of the repository that `masterKey` opens.
  init(_ cache: RepositoryCache, masterKey: MasterKey) {
    self.cache = cache
    file = CacheRecordFile(masterKey: masterKey)
  }

  /// What has come since this was called before; all of it at first.
  func news() async -> [Entry] {
    await withPosition { file, position, folder throws(Errno) in try file.read(in: folder, from: &position) } ?? []
  }

  /// Adds what this process has saved, while the caller goes on.
  func addBeside(_ entry: Entry) {
    cache.changeBeside { [self] in await add([entry]) }
  }

  /// Adds `entries`, and never writes anew what is there.
  func add(_ entries: [Entry]) async {
    guard !entries.isEmpty else { return }
    _ = await withPosition { file, position, folder throws(Errno) in
      if try file.append(entries, in: folder, at: &position) == .missing {
        try file.replace(with: entries, in: folder, at: &position)
      }
    }
  }

  /// Adds `new`, or writes the file anew with what `all` returns, where that is due. `listedCount` is how many files of the type
  /// there are.
  func update(adding new: [Entry], listedCount: Int, all: @escaping @Sendable () -> [Entry]) async {
    _ = await withPosition { file, position, folder throws(Errno) in
      let isDue = Self.isDue(position, listedCount: listedCount)
      guard isDue || !new.isEmpty else { return }
      if !isDue, try file.append(new, in: folder, at: &position) != .missing { return }
      try file.replace(with: all(), in: folder, at: &position)
    }
  }

  private static func isDue(_ position: CacheRecordFile<Entry>.Position, listedCount: Int) -> Bool {
    position.isDamaged || position.frameCount > slack + listedCount / frameShare
      || position.entryCount > slack + 2 * listedCount
  }

  /// The result of `body`, which alone has the file as far as this process goes; nil where there is no cache.
  private func withPosition<Success: Sendable>(
    _ body:
      @escaping @Sendable (
        CacheRecordFile<Entry>, inout CacheRecordFile<Entry>.Position, borrowing OwnFolder
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
