/// A key file: the only file stored as plain JSON. It holds the master key sealed with a key derived from a password.
public struct KeyFile: Hashable, Sendable {
  /// When the key was added to the repository.
  public var created: Timestamp
  /// The user who added the key; restic shows it in `key list`.
  public var username: String
  /// The host on which the key was added.
  public var hostname: String
  /// The key derivation function; restic knows "scrypt" only.
  public var kdf: String
  /// scrypt's N, a power of two. Comes from outside: check before use.
  public var costN: Int
  /// scrypt's r.
  public var costR: Int
  /// scrypt's p.
  public var costP: Int
  /// scrypt's salt; 64 bytes in restic's files.
  public var salt: [UInt8]
  /// The sealed `MasterKeyFile`.
  public var data: [UInt8]

  /// A key file with these values. `data` is the sealed master key, and `salt` and the cost are what derives the key
  /// that opens it.
  public init(
    created: Timestamp, username: String, hostname: String, kdf: String = "scrypt",
    costN: Int, costR: Int, costP: Int, salt: [UInt8], data: [UInt8]
  ) {
    self.created = created
    self.username = username
    self.hostname = hostname
    self.kdf = kdf
    self.costN = costN
    self.costR = costR
    self.costP = costP
    self.salt = salt
    self.data = data
  }

  /// The file's bytes: JSON without a newline.
  public func encode() -> [UInt8] {
    var writer = GoJSON.Writer(capacity: 1024)
    writer.literal("{\"created\":")
    writer.time(created)
    writer.literal(",\"username\":")
    writer.string(username)
    writer.literal(",\"hostname\":")
    writer.string(hostname)
    writer.literal(",\"kdf\":")
    writer.string(kdf)
    writer.literal(",\"N\":")
    writer.number(costN)
    writer.literal(",\"r\":")
    writer.number(costR)
    writer.literal(",\"p\":")
    writer.number(costP)
    writer.literal(",\"salt\":")
    writer.base64(salt)
    writer.literal(",\"data\":")
    writer.base64(data)
    writer.literal("}")
    return writer.finish()
  }

  /// The key file in `bytes`. Unknown members are ignored: a key file is never rewritten.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> KeyFile {
    try GoJSON.read(bytes, "key") { reader throws(FormatError) in
      var key = KeyFile(
        created: .zero, username: "", hostname: "", kdf: "", costN: 0, costR: 0, costP: 0, salt: [], data: [])
      var object = try reader.beginObject()
      while let member = try reader.nextKey(&object) { try key.read(member, &reader) }
      guard !key.kdf.isEmpty else { throw FormatError("key: has no kdf") }
      guard !key.data.isEmpty else { throw FormatError("key: has no data") }
      return key
    }
  }

  private mutating func read(_ member: GoJSON.Reader.Key, _ reader: inout GoJSON.Reader) throws(FormatError) {
    if try reader.skipNull() { return }
    if member == "created" {
      created = try reader.time()
    } else if member == "username" {
      username = try reader.string()
    } else if member == "hostname" {
      hostname = try reader.string()
    } else if member == "kdf" {
      kdf = try reader.string()
    } else if member == "N" {
      costN = try reader.number()
    } else if member == "r" {
      costR = try reader.number()
    } else if member == "p" {
      costP = try reader.number()
    } else if member == "salt" {
      salt = try reader.base64()
    } else if member == "data" {
      data = try reader.base64()
    } else {
      try reader.skipValue()
    }
  }
}
