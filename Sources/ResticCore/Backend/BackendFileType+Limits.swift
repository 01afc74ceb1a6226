/// How much of a file is read, by its type. All limits are here.
///
/// The owner of the storage can put a file of any size under any name, without a password. So a size that the storage
/// reports is not trusted beyond these limits.
extension BackendFileType {
  /// The most bytes of a file of this type. A larger file is damaged, and is not read.
  ///
  /// restic's config, keys and locks have less than 1 KiB, and a snapshot has a name for each of its paths. An index
  /// file has at most 50,000 blobs and one more pack, some 100 MB of JSON; index files of old versions of restic list
  /// 3000 packs. Offsets in a pack have 32 bits.
  /// Source: restic, internal/index and internal/repository/index.
  public var byteLimit: Int {
    switch self {
    case .config, .key, .lock: 64 << 10
    case .snapshot: 8 << 20
    case .index: 512 << 20
    case .data: Int(UInt32.max)
    }
  }

  /// The most bytes that `Backend.load` loads as a whole, without a range. A larger file is read in pieces and
  /// authenticated first (`SealedReading`), so a file that was not sealed with the repository's key costs no memory.
  public var wholeByteLimit: Int {
    switch self {
    case .config, .key, .lock, .snapshot: byteLimit
    case .index: 16 << 20
    // A pack of the usual 16 MiB with its last blob and its header; larger packs are loaded in parts.
    case .data: 24 << 20
    }
  }

  /// The most bytes of a server's list of all files of this type, at some 100 bytes for each file.
  var listByteLimit: Int {
    switch self {
    case .config, .key, .lock: 4 << 20
    case .index, .snapshot: 64 << 20
    // Two and a half million packs.
    case .data: 256 << 20
    }
  }

  /// The most bytes of a decompressed file of this type that is stored in `storedByteCount` bytes.
  ///
  /// An index is mostly hashes in hexadecimal digits, which compress to at least half their length.
  func plaintextByteLimit(storedByteCount: Int) -> Int {
    switch self {
    case .config, .key, .lock: byteLimit
    case .snapshot: 4 * byteLimit
    case .index, .data: min(byteLimit, max(16 << 20, 32 * storedByteCount))
    }
  }
}
