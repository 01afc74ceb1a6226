/// A lock file: who uses the repository, and since when.
public struct LockFile: Hashable, Sendable {
  /// When the lock was written or last refreshed.
  public var time: Timestamp
  /// Whether nobody else may use the repository, as for `prune`; false for a shared lock.
  public var exclusive: Bool
  /// The host whose process holds the lock; only there `pid` means something.
  public var hostname: String
  /// The user who runs the process, for messages.
  public var username: String
  /// The process that holds the lock, as its own pid namespace numbers it.
  public var pid: Int32
  /// The process's user id. 0 = root, or not stored.
  public var uid: UInt32
  /// The process's group id. 0 = root's group, or not stored.
  public var gid: UInt32
  /// Members that restic does not know; written again at the end.
  public var unknownFields: [UnknownField]

  /// A lock with these values. Nothing is written to the repository.
  public init(
    time: Timestamp, exclusive: Bool, hostname: String, username: String, pid: Int32,
    uid: UInt32 = 0, gid: UInt32 = 0, unknownFields: [UnknownField] = []
  ) {
    self.time = time
    self.exclusive = exclusive
    self.hostname = hostname
    self.username = username
    self.pid = pid
    self.uid = uid
    self.gid = gid
    self.unknownFields = unknownFields
  }

  /// The file's plaintext: JSON without a newline.
  public func encode() -> [UInt8] {
    var writer = GoJSON.Writer()
    writer.literal("{\"time\":")
    writer.time(time)
    writer.literal(",\"exclusive\":")
    writer.boolean(exclusive)
    writer.literal(",\"hostname\":")
    writer.string(hostname)
    writer.literal(",\"username\":")
    writer.string(username)
    writer.literal(",\"pid\":")
    writer.number(pid)
    if uid != 0 {
      writer.literal(",\"uid\":")
      writer.number(uid)
    }
    if gid != 0 {
      writer.literal(",\"gid\":")
      writer.number(gid)
    }
    for field in unknownFields { writer.member(field) }
    writer.literal("}")
    return writer.finish()
  }

  /// The lock whose plaintext is `bytes`. The time is required, because without it nobody could tell whether the lock
  /// is stale.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> LockFile {
    try GoJSON.read(bytes, "lock") { reader throws(FormatError) in
      var time: Timestamp?
      var lock = LockFile(time: .zero, exclusive: false, hostname: "", username: "", pid: 0)
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "time" {
          if try !reader.skipNull() { time = try reader.time() }
        } else {
          try lock.read(key, &reader)
        }
      }
      guard let time else { throw FormatError("lock: has no time") }
      lock.time = time
      return lock
    }
  }

  private mutating func read(_ key: GoJSON.Reader.Key, _ reader: inout GoJSON.Reader) throws(FormatError) {
    if key == "exclusive" {
      if try !reader.skipNull() { exclusive = try reader.boolean() }
    } else if key == "hostname" {
      if try !reader.skipNull() { hostname = try reader.string() }
    } else if key == "username" {
      if try !reader.skipNull() { username = try reader.string() }
    } else if key == "pid" {
      if try !reader.skipNull() { pid = try reader.number() }
    } else if key == "uid" {
      if try !reader.skipNull() { uid = try reader.number() }
    } else if key == "gid" {
      if try !reader.skipNull() { gid = try reader.number() }
    } else {
      unknownFields.append(try reader.unknownField(key))
    }
  }
}
