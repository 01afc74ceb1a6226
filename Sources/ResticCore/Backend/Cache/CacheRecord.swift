import SystemPackage

/// What a `CacheRecord` holds for one file that was read.
protocol CacheRecordEntry: Sendable {
  /// The record's file name in the repository's cache folder.
  static var recordName: String { get }
  /// The first line of the record, with the version of the format.
  static var recordHeader: String { get }
  /// The purpose of the record's key, which separates it from other keys that are derived from the repository's key.
  static var recordPurpose: StaticString { get }
  /// The maximum size of a group in bytes.
  static var groupByteLimit: Int { get }

  /// Encodes `entries` in groups of at most `groupByteLimit` bytes. An entry that is too large is left out.
  static func encode(_ entries: some Sequence<Self>) -> [[UInt8]]
  /// Decodes the entries of a group.
  static func decode(_ group: [UInt8]) throws(FormatError) -> [Self]
}

/// The small files of one type that this machine has read from a repository, in one cache file. A client that opens a
/// repository lists its snapshots and index files, and reads only those that are new.
///
/// 1. An entry is what the file with that id held when a client with the repository's key read it. Such files never
///    change, so an entry is always right. Only a listing tells whether the file still exists.
/// 2. Adding takes time in proportion to what is added. The record is rewritten, with only the files that are listed,
///    when it has many small frames or many dead entries (`isDue`).
/// 3. If the record is damaged, the files are read from the storage again. No other harm is done.
///
/// One task at a time reads or writes; `gate` is held across the calls.
final class CacheRecord<Entry: CacheRecordEntry>: Sendable {
  /// The record is not rewritten for this many dead entries, nor for this many frames beyond one for each `frameShare`
  /// entries.
  private static var slack: Int { 256 }
  private static var frameShare: Int { 8 }

  private let cache: RepositoryCache
  private let file: CacheRecordFile<Entry>
  private let gate = AsyncGate()
  private let position = Locked(CacheRecordFile<Entry>.Position())

  /// Creates the record in `cache`, which is the cache of the repository that `masterKey` opens.
  init(_ cache: RepositoryCache, masterKey: MasterKey) {
    self.cache = cache
    file = CacheRecordFile(masterKey: masterKey)
  }

  /// Returns the entries that were added since the last call. The first call returns all entries.
  func news() async -> [Entry] {
    await withPosition { file, position, folder throws(Errno) in try file.read(in: folder, from: &position) } ?? []
  }

  /// Adds what this process has saved, without making the caller wait.
  func addBeside(_ entry: Entry) {
    cache.changeBeside { [self] in await add([entry]) }
  }

  /// Adds `entries`. Rewrites the record, with nothing else, only if it is missing or damaged.
  func add(_ entries: [Entry]) async {
    guard !entries.isEmpty else { return }
    _ = await withPosition { file, position, folder throws(Errno) in
      if try file.append(entries, in: folder, at: &position) == .missing {
        try file.replace(with: entries, in: folder, at: &position)
      }
    }
  }

  /// Adds `new`, or rewrites the record with what `all` returns if that is due. `listedCount` is the number of files of
  /// this type in the repository.
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

  /// Runs `body`, which no other task of this process runs beside. Returns its result; nil if there is no cache.
  private func withPosition<Success: Sendable>(
    _ body:
      @escaping @Sendable (
        CacheRecordFile<Entry>, inout CacheRecordFile<Entry>.Position, borrowing OwnFolder
      ) throws(Errno) -> Success
  ) async -> Success? {
    await gate.pass {
      await cache.withFolder { [file, position = position.withLock { $0 }, self] folder throws(Errno) in
        var next = position
        // Also after an error, because the position says how much was read.
        defer { self.position.withLock { [next] in $0 = next } }
        return try body(file, &next, folder)
      }
    }
  }
}
