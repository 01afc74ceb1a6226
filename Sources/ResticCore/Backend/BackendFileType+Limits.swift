/// How much of a file is taken, by its type: the one place that decides.
///
/// Whoever owns the storage can put a file of any size under any name, without a password. So no size that the storage
/// states is believed beyond these limits.
extension BackendFileType {
  /// The most bytes that a file of this type has. A larger file is damaged, and nothing of it is read.
  ///
  /// restic's config, keys and locks have less than 1 KiB, and a snapshot has a name for each of its paths. An index file
  /// has 50,000 blobs and one more pack at most, some 100 MB of JSON; index files of old versions of restic list 3000
  /// packs. Offsets in a pack have 32 bits. Source: restic, internal/index and internal/repository/index.
  public var byteLimit: Int {
    switch self {
    case .config, .key, .lock: 64 << 10
    case .snapshot: 8 << 20
    case .index: 512 << 20
    case .data: Int(UInt32.max)
    }
  }

  /// The most bytes that `Backend.load` takes as a whole, without a range. A larger file is read in pieces and
  /// authenticated first (`SealedReading`), so that a file that nobody sealed with the repository's key costs no memory.
  public var wholeByteLimit: Int {
    switch self {
    case .config, .key, .lock, .snapshot: byteLimit
    case .index: 16 << 20
    // A pack of the usual 16 MiB with its last blob and its header; of a larger one parts are loaded.
    case .data: 24 << 20
    }
  }

  /// The most bytes that a server's list of all files of this type has, at some 100 for each file.
  var listByteLimit: Int {
    switch self {
    case .config, .key, .lock: 4 << 20
    case .index, .snapshot: 64 << 20
    // Two and a half million packs.
    case .data: 256 << 20
    }
  }

  /// The most bytes that a decompressed file of this type has, of which `storedByteCount` are stored.
  ///
  /// An index is mostly hashes in hexadecimal digits, which take half their length whatever compresses them.
  func plaintextByteLimit(storedByteCount: Int) -> Int {
    switch self {
    case .config, .key, .lock: byteLimit
    case .snapshot: 4 * byteLimit
    case .index, .data: min(byteLimit, max(16 << 20, 32 * storedByteCount))
    }
  }
}
