/// A snapshot file: the tree of certain paths at a certain time.
public struct Snapshot: Hashable, Sendable {
  /// When the backup started; decides which snapshot is the latest.
  public var time: Timestamp
  /// The snapshot that this one was made from.
  public var parent: SnapshotID?
  /// The root directory.
  public var tree: BlobID
  /// The paths that were backed up, absolute. `forget` groups by them.
  public var paths: [String]
  /// The host that was backed up; `--host` filters by it, and `forget` groups by it.
  public var hostname: String
  /// The user who made the snapshot. Empty = not stored.
  public var username: String
  /// That user's numeric id. 0 = root, or not stored.
  public var uid: UInt32
  /// That user's numeric group id. 0 = root's group, or not stored.
  public var gid: UInt32
  /// The exclude patterns that the backup was given.
  public var excludes: [String]
  /// The tags, in the order in which they were added; `--tag` filters by them.
  public var tags: [String]
  /// The snapshot that `tag` or `rewrite` replaced by this one.
  public var original: SnapshotID?
  /// Name and version of the program that made it.
  public var programVersion: String
  /// What the backup did; nil in snapshots by restic before 0.17.
  public var summary: SnapshotSummary?
  /// Members that this version doesn't know, written again at the end.
  public var unknownFields: [UnknownField]

  /// A snapshot with these values. Nothing is written to the repository; what is left out is not stored.
  public init(
    time: Timestamp, parent: SnapshotID? = nil, tree: BlobID, paths: [String],
    hostname: String = "", username: String = "", uid: UInt32 = 0, gid: UInt32 = 0,
    excludes: [String] = [], tags: [String] = [], original: SnapshotID? = nil,
    programVersion: String = "", summary: SnapshotSummary? = nil, unknownFields: [UnknownField] = []
  ) {
    self.time = time
    self.parent = parent
    self.tree = tree
    self.paths = paths
    self.hostname = hostname
    self.username = username
    self.uid = uid
    self.gid = gid
    self.excludes = excludes
    self.tags = tags
    self.original = original
    self.programVersion = programVersion
    self.summary = summary
    self.unknownFields = unknownFields
  }

  /// The file's plaintext: JSON in restic's order, without a newline.
  public func encode() -> [UInt8] {
    var writer = GoJSON.Writer(capacity: 1024)
    writer.literal("{\"time\":")
    writer.time(time)
    if let parent {
      writer.literal(",\"parent\":")
      writer.id(parent)
    }
    writer.literal(",\"tree\":")
    writer.id(tree)
    writer.literal(",\"paths\":")
    writer.strings(paths)
    Self.write(",\"hostname\":", hostname, to: &writer)
    Self.write(",\"username\":", username, to: &writer)
    Self.write(",\"uid\":", uid, to: &writer)
    Self.write(",\"gid\":", gid, to: &writer)
    Self.write(",\"excludes\":", excludes, to: &writer)
    Self.write(",\"tags\":", tags, to: &writer)
    if let original {
      writer.literal(",\"original\":")
      writer.id(original)
    }
    Self.write(",\"program_version\":", programVersion, to: &writer)
    if let summary {
      writer.literal(",\"summary\":")
      summary.write(to: &writer)
    }
    for field in unknownFields { writer.member(field) }
    writer.literal("}")
    return writer.finish()
  }

  private static func write(_ key: StaticString, _ text: String, to writer: inout GoJSON.Writer) {
    guard !text.isEmpty else { return }
    writer.literal(key)
    writer.string(text)
  }

  private static func write(_ key: StaticString, _ texts: [String], to writer: inout GoJSON.Writer) {
    guard !texts.isEmpty else { return }
    writer.literal(key)
    writer.strings(texts)
  }

  private static func write(_ key: StaticString, _ number: UInt32, to writer: inout GoJSON.Writer) {
    guard number != 0 else { return }
    writer.literal(key)
    writer.number(number)
  }

  /// The snapshot whose plaintext is `bytes`. Time and tree are required.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> Snapshot {
    try GoJSON.read(bytes, "snapshot") { reader throws(FormatError) in
      var time: Timestamp?
      var tree: BlobID?
      var snapshot = Snapshot(time: .zero, tree: BlobID(words: (0, 0, 0, 0)), paths: [])
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "time" {
          if try !reader.skipNull() { time = try reader.time() }
        } else if key == "tree" {
          tree = try reader.skipNull() ? nil : try reader.id()
        } else {
          try snapshot.read(key, &reader)
        }
      }
      guard let time else { throw FormatError("snapshot: has no time") }
      guard let tree else { throw FormatError("snapshot: has no tree") }
      snapshot.time = time
      snapshot.tree = tree
      return snapshot
    }
  }

  private mutating func read(_ key: GoJSON.Reader.Key, _ reader: inout GoJSON.Reader) throws(FormatError) {
    if key == "parent" {
      parent = try reader.skipNull() ? nil : try reader.id()
    } else if key == "paths" {
      paths = try reader.strings()
    } else if key == "hostname" {
      if try !reader.skipNull() { hostname = try reader.string() }
    } else if key == "username" {
      if try !reader.skipNull() { username = try reader.string() }
    } else if key == "uid" {
      if try !reader.skipNull() { uid = try reader.number() }
    } else if key == "gid" {
      if try !reader.skipNull() { gid = try reader.number() }
    } else if key == "excludes" {
      excludes = try reader.strings()
    } else if key == "tags" {
      tags = try reader.strings()
    } else if key == "original" {
      original = try reader.skipNull() ? nil : try reader.id()
    } else if key == "program_version" {
      if try !reader.skipNull() { programVersion = try reader.string() }
    } else if key == "summary" {
      summary = try reader.skipNull() ? nil : try SnapshotSummary(&reader)
    } else {
      unknownFields.append(try reader.unknownField(key))
    }
  }
}
