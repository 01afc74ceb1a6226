/// The counts of a backup, which restic 0.17 and later store in the snapshot.
public struct SnapshotSummary: Hashable, Sendable {
  /// When the backup began.
  public var backupStart: Timestamp
  /// When the last file was stored, shortly before the snapshot was saved.
  public var backupEnd: Timestamp
  /// Files that the parent snapshot does not have.
  public var filesNew: UInt64
  /// Files that differ from the parent snapshot's.
  public var filesChanged: UInt64
  /// Files that equal the parent snapshot's.
  public var filesUnmodified: UInt64
  /// Directories that the parent snapshot does not have.
  public var dirsNew: UInt64
  /// Directories that differ from the parent snapshot's.
  public var dirsChanged: UInt64
  /// Directories that equal the parent snapshot's.
  public var dirsUnmodified: UInt64
  /// Blobs that this snapshot added to the repository.
  public var dataBlobs: Int64
  /// Tree blobs that this snapshot added to the repository.
  public var treeBlobs: Int64
  /// Bytes of the added blobs before compression.
  public var dataAdded: UInt64
  /// Bytes of the added blobs as stored.
  public var dataAddedPacked: UInt64
  /// All files of the snapshot, changed or not.
  public var totalFilesProcessed: UInt64
  /// Bytes of the content of all these files, before deduplication and compression.
  public var totalBytesProcessed: UInt64
  /// Members that this version doesn't know, written again at the end.
  public var unknownFields: [UnknownField]

  /// A summary with these counts; counts left out are 0.
  public init(
    backupStart: Timestamp, backupEnd: Timestamp,
    filesNew: UInt64 = 0, filesChanged: UInt64 = 0, filesUnmodified: UInt64 = 0,
    dirsNew: UInt64 = 0, dirsChanged: UInt64 = 0, dirsUnmodified: UInt64 = 0,
    dataBlobs: Int64 = 0, treeBlobs: Int64 = 0, dataAdded: UInt64 = 0, dataAddedPacked: UInt64 = 0,
    totalFilesProcessed: UInt64 = 0, totalBytesProcessed: UInt64 = 0, unknownFields: [UnknownField] = []
  ) {
    self.backupStart = backupStart
    self.backupEnd = backupEnd
    self.filesNew = filesNew
    self.filesChanged = filesChanged
    self.filesUnmodified = filesUnmodified
    self.dirsNew = dirsNew
    self.dirsChanged = dirsChanged
    self.dirsUnmodified = dirsUnmodified
    self.dataBlobs = dataBlobs
    self.treeBlobs = treeBlobs
    self.dataAdded = dataAdded
    self.dataAddedPacked = dataAddedPacked
    self.totalFilesProcessed = totalFilesProcessed
    self.totalBytesProcessed = totalBytesProcessed
    self.unknownFields = unknownFields
  }

  /// Appends the summary's JSON; restic omits none of its members.
  func write(to writer: inout GoJSON.Writer) {
    writer.literal("{\"backup_start\":")
    writer.time(backupStart)
    writer.literal(",\"backup_end\":")
    writer.time(backupEnd)
    writer.literal(",\"files_new\":")
    writer.number(filesNew)
    writer.literal(",\"files_changed\":")
    writer.number(filesChanged)
    writer.literal(",\"files_unmodified\":")
    writer.number(filesUnmodified)
    writer.literal(",\"dirs_new\":")
    writer.number(dirsNew)
    writer.literal(",\"dirs_changed\":")
    writer.number(dirsChanged)
    writer.literal(",\"dirs_unmodified\":")
    writer.number(dirsUnmodified)
    writer.literal(",\"data_blobs\":")
    writer.number(dataBlobs)
    writer.literal(",\"tree_blobs\":")
    writer.number(treeBlobs)
    writer.literal(",\"data_added\":")
    writer.number(dataAdded)
    writer.literal(",\"data_added_packed\":")
    writer.number(dataAddedPacked)
    writer.literal(",\"total_files_processed\":")
    writer.number(totalFilesProcessed)
    writer.literal(",\"total_bytes_processed\":")
    writer.number(totalBytesProcessed)
    for field in unknownFields { writer.member(field) }
    writer.literal("}")
  }

  /// Reads the next value as a summary. Missing members are 0.
  init(_ reader: inout GoJSON.Reader) throws(FormatError) {
    self.init(backupStart: .zero, backupEnd: .zero)
    var object = try reader.beginObject()
    while let key = try reader.nextKey(&object) {
      if let field = Self.count(key) {
        if try !reader.skipNull() { self[keyPath: field] = try reader.number() }
      } else if key == "backup_start" {
        if try !reader.skipNull() { backupStart = try reader.time() }
      } else if key == "backup_end" {
        if try !reader.skipNull() { backupEnd = try reader.time() }
      } else if key == "data_blobs" {
        if try !reader.skipNull() { dataBlobs = try reader.number() }
      } else if key == "tree_blobs" {
        if try !reader.skipNull() { treeBlobs = try reader.number() }
      } else {
        unknownFields.append(try reader.unknownField(key))
      }
    }
  }

  private static func count(_ key: GoJSON.Reader.Key) -> WritableKeyPath<SnapshotSummary, UInt64>? {
    switch key.text {
    case "files_new": \.filesNew
    case "files_changed": \.filesChanged
    case "files_unmodified": \.filesUnmodified
    case "dirs_new": \.dirsNew
    case "dirs_changed": \.dirsChanged
    case "dirs_unmodified": \.dirsUnmodified
    case "data_added": \.dataAdded
    case "data_added_packed": \.dataAddedPacked
    case "total_files_processed": \.totalFilesProcessed
    case "total_bytes_processed": \.totalBytesProcessed
    default: nil
    }
  }
}
