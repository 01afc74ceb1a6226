/// Where a repository's files live: a flat set of immutable files, each named by its type and hash.
///
/// Every backend follows these rules; `BackendConformance` tests them on each backend and decorator:
/// 1. `save` is atomic and durable: when it returns, the whole file survives a power cut; when it throws or the process
///    dies, no file of that name is visible (a temporary file may be left, but is never listed).
/// 2. `save` never changes an existing file: it throws `.alreadyExists`, unless the existing file has the same bytes (a
///    retry after a lost answer). A storage that can only replace files checks for `config` first; all other files are
///    named for their content, so the same name means the same bytes.
/// 3. `load`, `byteCount` and `list` see a saved file at once.
/// 4. Files with names that are not ids are invisible.
/// 5. All calls may be made from any thread, concurrently.
/// 6. `load` without a range loads at most `BackendFileType.wholeByteLimit` bytes; for a larger file it takes no memory
///    and throws `.tooLarge`. Anything but a plain file (a link, a fifo, a device) is not opened: `load` and
///    `byteCount` throw `.irregular`, and `list` skips it.
public protocol Backend: Sendable {
  /// A name of this place for people, without secrets: for messages and the mount table.
  var description: String { get }

  /// Makes the folders of an empty repository. Does nothing if they exist.
  func create() async throws(BackendError)

  /// Stores `bytes` as `file`.
  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError)

  /// The bytes of `file` in `range`, or all of them. Throws `.truncated` if the file ends before the range does,
  /// without taking memory for the range; throws `.tooLarge` by rule 6.
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

  /// The free space on the storage; nil if it cannot be found out.
  func capacity() async throws(BackendError) -> StorageCapacity?

  /// How far the storage's clock is ahead of this machine's, to about a second; nil if it cannot be found out.
  func clockOffset() async throws(BackendError) -> Duration?

  /// When the storage says that it wrote `file`, by its own clock and to about a second; nil if it does not say.
  func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp?

  /// Whether each call takes a round trip through a network. Then calls that do not need each other's answers are made at once,
  /// and what was seen a moment ago still counts (`Repository.lookLifetime`).
  var isDistant: Bool { get }

  /// Whether every listing of `type` contains everything that any client had saved when the listing began. False if it
  /// cannot be found out.
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

  /// Nobody can tell.
  public func writeTime(of file: BackendFile) async throws(BackendError) -> Timestamp? { nil }

  /// The default: most storages are distant.
  public var isDistant: Bool { true }

  /// The default: unknown.
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

/// One file of a repository: its type and its name. `config` has no id; its name here is all zeros and not used.
public struct BackendFile: Hashable, Sendable, CustomStringConvertible {
  /// The folder.
  public let type: BackendFileType
  /// The name: 64 hex digits.
  public let name: String
  /// The type of blob in a pack, if the caller knows it: trees are read often, data is not. Not part of the file's
  /// identity.
  public let blobType: BlobType?

  private init(type: BackendFileType, checkedName: String, blobType: BlobType? = nil) {
    self.type = type
    self.name = checkedName
    self.blobType = blobType
  }

  /// Compares type and name; `blobType` is a hint and does not count.
  public static func == (left: BackendFile, right: BackendFile) -> Bool {
    left.type == right.type && left.name == right.name
  }

  /// Hashes what `==` compares.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(type)
    hasher.combine(name)
  }

  /// The file of `type` called `name`, or nil if `name` is not 64 lower-case hex digits.
  public init?(type: BackendFileType, name: String) {
    guard ID<Never>(hex: name) != nil else { return nil }
    self.init(type: type, checkedName: name)
  }

  /// The repository's one config file.
  public static let config = BackendFile(type: .config, checkedName: String(repeating: "0", count: 64))
  /// The pack `id`, which holds blobs of `blobType`; nil if that is not known.
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

/// Space on a storage, in bytes.
public struct StorageCapacity: Hashable, Sendable {
  /// All space, used or not.
  public let totalByteCount: UInt64
  /// The space that this user may still write.
  public let availableByteCount: UInt64

  /// A storage of `totalByteCount`, of which `availableByteCount` are free.
  public init(totalByteCount: UInt64, availableByteCount: UInt64) {
    self.totalByteCount = totalByteCount
    self.availableByteCount = availableByteCount
  }
}
