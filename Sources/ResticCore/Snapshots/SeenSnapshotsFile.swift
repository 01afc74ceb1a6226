import Glibc
import SystemPackage

/// The file that holds the `SeenSnapshots` of one repository: `FOLDER/REPOSITORY/seen`, which only its owner can
/// access.
///
///     "restic-gitfs seen 1\n" ‖ sealed: id of the repository, 32 bytes ‖ number of snapshots given up,
///                               4 bytes, little endian ‖ their ids
///                               ‖ the newest snapshots (`RecordedSnapshot`, whose size is 0 here)
///
/// The content is sealed with a key of its own, which is derived from the repository's key: without a password of the
/// repository, nobody can read or forge the file. A file is replaced as a whole (rename) under the folder's lock
/// (flock), so no process undoes what another has noted. The file is not part of the cache: removing the cache does not
/// remove what was seen. If there are more than `repositoryLimit` repositories, those whose files were written longest
/// ago are forgotten.
///
/// All calls block.
struct SeenSnapshotsFile: Sendable {
  /// What the file's path holds.
  enum Content: Sendable {
    case missing
    /// The file is cut off, or no client with the key wrote it for this repository.
    case invalid
    case valid(SeenSnapshots)
  }

  static let name = "seen"
  private static let header = Array("restic-gitfs seen 1\n".utf8)
  private static let byteLimit = 8 << 20
  /// The maximum number of repositories with a file.
  static let repositoryLimit = 1000
  private static let idByteCount = ID<Never>.byteCount
  private static let numberByteCount = 4

  /// The folder that holds the file.
  let folder: FilePath
  private let repository: ID<Never>
  private let key: MasterKey

  /// The file in `folder` for the repository `id`, which `masterKey` opens.
  init(in folder: FilePath, repository id: ID<Never>, masterKey: MasterKey) {
    self.folder = folder.appending(id.hex)
    repository = id
    key = masterKey.derived(for: "restic-gitfs: snapshots that were seen")
  }

  /// Reads the file.
  func load() throws(Errno) -> Content {
    do throws(Errno) {
      return try load(in: try OwnFolder(folder))
    } catch .noSuchFileOrDirectory {
      return .missing
    }
  }

  /// Applies `change` to the content, unless the file is invalid. Returns the content afterwards.
  func update(_ change: (inout SeenSnapshots) -> Void) throws(Errno) -> SeenSnapshots {
    if !SystemCall.isThere(folder) {
      try OwnFolder.make(folder)
      try forgetOldest()
    }
    let open = try OwnFolder(folder)
    return try open.whileLocked { open throws(Errno) in
      let known = if case .valid(let seen) = try load(in: open) { seen } else { SeenSnapshots() }
      var seen = known
      change(&seen)
      guard seen != known else { return seen }
      try removeLeftovers(in: open)
      let bytes = Self.header + key.seal(encode(seen))
      try bytes.span.bytes.withUnsafeBytes { bytes throws(Errno) in try open.save(Self.name, bytes) }
      return seen
    }
  }

  /// Removes the files of repositories beyond the limit.
  private func forgetOldest() throws(Errno) {
    let all = try OwnFolder(folder.removingLastComponent())
    var others: [(name: String, time: Int)] = []
    try all.forEachEntry { name, status throws(Errno) in
      guard status.st_mode & S_IFMT == S_IFDIR, ID<Never>(hex: name) != nil, name != repository.hex else { return }
      others.append((name, status.st_mtim.tv_sec))
    }
    guard others.count >= Self.repositoryLimit else { return }
    others.sort { $0.time < $1.time }
    for other in others.prefix(others.count - Self.repositoryLimit + 1) {
      do throws(Errno) {
        try all.removeSubfolder(other.name)
      } catch .noSuchFileOrDirectory {
        // Another process has removed it already.
      }
    }
  }

  /// Removes the files of processes that were killed while they wrote: a process that is writing holds the lock.
  private func removeLeftovers(in folder: borrowing OwnFolder) throws(Errno) {
    var names: [String] = []
    try folder.forEachName { name throws(Errno) in
      if name.hasPrefix(OwnFolder.temporaryPrefix) { names.append(name) }
    }
    for name in names { try folder.remove(name) }
  }

  private func load(in folder: borrowing OwnFolder) throws(Errno) -> Content {
    guard try folder.holds(Self.name) else { return .missing }
    guard let bytes = try folder.load(Self.name, limit: Self.byteLimit)?.array, bytes.starts(with: Self.header) else {
      return .invalid
    }
    do {
      return .valid(try decode(try key.open(Array(bytes.dropFirst(Self.header.count)))))
    } catch {
      return .invalid
    }
  }

  private func encode(_ seen: SeenSnapshots) -> [UInt8] {
    let count = UInt32(seen.givenUp.count).littleEndian
    let entries = RecordedSnapshot.encode(seen.newest.map { RecordedSnapshot(saved: $0, byteCount: 0) })
    return repository.bytes + withUnsafeBytes(of: count) { Array($0) } + seen.givenUp.flatMap(\.bytes)
      + entries.flatMap(\.self)
  }

  private func decode(_ bytes: [UInt8]) throws(FormatError) -> SeenSnapshots {
    var rest = bytes[...]
    guard rest.count >= Self.idByteCount + Self.numberByteCount, rest.starts(with: repository.bytes) else {
      throw FormatError("seen snapshots: of another repository")
    }
    rest = rest.dropFirst(Self.idByteCount)
    let count = rest.prefix(Self.numberByteCount).reversed().reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(Self.numberByteCount)
    guard count <= SeenSnapshots.givenUpLimit, rest.count >= count * Self.idByteCount else {
      throw FormatError("seen snapshots: an id is cut off")
    }
    var givenUp: [SnapshotID] = []
    for _ in 0..<count {
      guard let id = SnapshotID(bytes: Array(rest.prefix(Self.idByteCount))) else {
        throw FormatError("seen snapshots: an id is cut off")
      }
      givenUp.append(id)
      rest = rest.dropFirst(Self.idByteCount)
    }
    return SeenSnapshots(newest: try RecordedSnapshot.decode(Array(rest)).map(\.saved), givenUp: givenUp)
  }
}
