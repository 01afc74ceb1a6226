/// Where a repository's files live: a flat set of immutable files, each named by its type and hash.
///
/// Rules that every backend keeps; `BackendConformance` tests them on each backend and decorator:
/// 1. `save` is atomic and durable: when it returns the whole file survives a power cut; when it throws or the process
///    dies, no file of that name is visible (a temporary one may be left, and is never listed).
/// 2. `save` never changes an existing file: it throws `.alreadyExists`, except that a file with the same bytes is fine
///    (a retry after a lost answer). A storage that can only replace files looks for `config` first; the name of any other
///    file says what is in it, so that the same name means the same bytes.
/// 3. What `save` stored is seen at once by `load`, `byteCount` and `list`.
/// 4. Files with names that are not ids are invisible.
/// 5. All calls may be made from any thread, concurrently.
/// 6. `load` without a range takes `BackendFileType.wholeByteLimit` bytes at most; of a larger file it takes no memory and
///    throws `.tooLarge`. What is not a plain file (a link, a fifo, a device) is not opened: `load` and `byteCount` throw
///    `.irregular`, and `list` passes it over.
public protocol Backend: Sendable {
  /// What a person calls this place, without secrets: for messages and the mount table.
  var description: String { get }

  /// Makes the folders of an empty repository. Harmless when they are there already.
  func create() async throws(BackendError)

  /// Stores `bytes` as `file`.
  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError)

  /// The bytes of `file` in `range`, or all of them. Throws `.truncated` when the file ends before the range does, and
  /// takes no memory for the range then; throws `.tooLarge` as rule 6 says.
  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes

  /// The size of `file` in bytes.
  func byteCount(of file: BackendFile) async throws(BackendError) -> Int

  /// Every file of `type`, in no particular order.
  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry]

  /// As `list(_:)`, for a caller who knows the sizes of some files by their names: files that never change, and that the caller has read.
  /// Their sizes need not be asked for, which takes a disk ten times as long as the names.
  func list(_ type: BackendFileType, knowing byteCounts: [String: Int]) async throws(BackendError) -> [BackendEntry]

  /// Removes `file`. Throws `.notFound` if the storage says that it is not there; some do not say so.
  func remove(_ file: BackendFile) async throws(BackendError)

  /// Room on the storage, or nil where nobody can tell.
  func capacity() async throws(BackendError) -> StorageCapacity?

  /// How far the storage's clock is ahead of this machine's, to about a second; nil where nobody can tell.
  func clockOffset() async throws(BackendError) -> Duration?

  /// Whether each call takes a round trip through a network. Then calls that do not need each other's answers are made at once,
  /// and what was seen a moment ago still counts (`Repository.lookLifetime`).
  var isDistant: Bool { get }

  /// Whether whatever anybody has saved by now, from wherever, is in every listing of `type` that begins later. False where
  /// nobody can tell.
  func listingsAreImmediate(of type: BackendFileType) async -> Bool
}

extension Backend {
  /// Most storages name the sizes without being asked.
  public func list(
    _ type: BackendFileType, knowing byteCounts: [String: Int]
  ) async throws(BackendError) -> [BackendEntry] {
    try await list(type)
  }

  /// Nobody can tell.
  public func clockOffset() async throws(BackendError) -> Duration? { nil }

  /// As most storages are.
  public var isDistant: Bool { true }

  /// Nobody can tell.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool { false }

  /// All bytes of `file`.
  public func load(_ file: BackendFile) async throws(BackendError) -> PooledBytes {
    try await load(file, range: nil)
  }

  /// As `save(_:_:)`, for bytes in an array.
  public func save(_ file: BackendFile, _ bytes: [UInt8]) async throws(BackendError) {
    try await save(file, PooledBytes(copying: bytes))
  }
}

/// The types of file in a repository; the raw value is the folder's name.
public enum BackendFileType: String, Sendable, CaseIterable {
  case config
  case data
  case index
  case key = "keys"
  case lock = "locks"
  case snapshot = "snapshots"
}

/// One file of a repository: its type and its name. `config` has no id; its name is all zeros here and not used.
public struct BackendFile: Hashable, Sendable, CustomStringConvertible {
  /// The folder.
  public let type: BackendFileType
  /// The name: 64 hex digits.
  public let name: String
  /// What a pack holds, as far as whoever names the pack knows: trees are read again and again, data is not. No part of the
  /// file's identity.
  public let blobType: BlobType?

  private init(type: BackendFileType, checkedName: String, blobType: BlobType? = nil) {
    self.type = type
    self.name = checkedName
    self.blobType = blobType
  }

  public static func == (left: BackendFile, right: BackendFile) -> Bool {
    left.type == right.type && left.name == right.name
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(name)
  }

  /// The file of `type` called `name`, or nil where that is not 64 lower-case hex digits.
  public init?(type: BackendFileType, name: String) {
    guard ID<Never>(hex: name) != nil else { return nil }
    self.init(type: type, checkedName: name)
  }

  /// The repository's one config file.
  public static let config = BackendFile(type: .config, checkedName: String(repeating: "0", count: 64))
  /// The pack `id`, which holds blobs of `blobType`; nil: nobody knows.
  public static func pack(_ id: PackID, of blobType: BlobType? = nil) -> BackendFile {
    BackendFile(type: .data, checkedName: id.hex, blobType: blobType)
  }
  /// The index file `id`.
  public static func index(_ id: IndexID) -> BackendFile { BackendFile(type: .index, checkedName: id.hex) }
  /// The key file `id`.
  public static func key(_ id: KeyID) -> BackendFile { BackendFile(type: .key, checkedName: id.hex) }
  /// The lock file `id`.
  public static func lock(_ id: LockID) -> BackendFile { BackendFile(type: .lock, checkedName: id.hex) }
  /// The snapshot `id`.
  public static func snapshot(_ id: SnapshotID) -> BackendFile { BackendFile(type: .snapshot, checkedName: id.hex) }

  /// `data/1a2b3c4d…`, or `config`.
  public var description: String {
    type == .config ? "config" : "\(type.rawValue)/\(name)"
  }
}

/// A listed file.
public struct BackendEntry: Hashable, Sendable {
  /// Which file.
  public let file: BackendFile
  /// Its size in bytes.
  public let byteCount: Int

  /// A file and its size.
  public init(file: BackendFile, byteCount: Int) {
    self.file = file
    self.byteCount = byteCount
  }
}

/// Room on a storage, in bytes.
public struct StorageCapacity: Hashable, Sendable {
  /// Everything, used or not.
  public let totalByteCount: UInt64
  /// What this user may still write.
  public let availableByteCount: UInt64

  /// A storage of `totalByteCount`, of which `availableByteCount` are free.
  public init(totalByteCount: UInt64, availableByteCount: UInt64) {
    self.totalByteCount = totalByteCount
    self.availableByteCount = availableByteCount
  }
}
