internal import Glibc

/// The content that this program adds to restic's lock files: one more JSON member, which restic ignores.
///
/// Layout: `"resticGitFS":{"boot":"…","pidNamespace":4026531836,"commit":"…","housekeeping":true}`; each of the four
/// may be missing.
struct LockMark: Hashable, Sendable {
  /// Where a process number identifies one process: this boot of this machine, and one of its process namespaces.
  ///
  /// A host name does not identify a machine: containers and freshly installed machines share names.
  struct ProcessScope: Hashable, Sendable {
    /// The kernel's random name for this boot.
    let boot: String
    /// The inode of the process namespace.
    let pidNamespace: UInt64

    /// The scope of this process; nil if `/proc` does not tell.
    static let current: ProcessScope? = {
      var status = stat()
      guard stat("/proc/self/ns/pid", &status) == 0, let file = fopen("/proc/sys/kernel/random/boot_id", "re") else {
        return nil
      }
      defer { fclose(file) }
      var text = [UInt8](repeating: 0, count: 64)
      let count = fread(&text, 1, text.count, file)
      let boot = text.prefix(count).prefix { $0 > UInt8(ascii: " ") }
      guard !boot.isEmpty else { return nil }
      return ProcessScope(boot: String(decoding: boot, as: UTF8.self), pidNamespace: UInt64(status.st_ino))
    }()
  }

  /// The member's name.
  static let key = "resticGitFS"

  /// Where the owner's process number is valid; nil if the mark does not say.
  var scope: ProcessScope?
  /// The holder of the commit lock, the same in each file that replaces this one; nil if the lock is not a commit lock.
  var commitHolder: String?
  /// Whether the owner is doing housekeeping (`HousekeepingLock`).
  var isHousekeeping = false

  /// The member to write into a lock file.
  var field: UnknownField {
    var writer = GoJSON.Writer()
    writer.literal("{")
    if let scope {
      writer.literal("\"boot\":")
      writer.string(scope.boot)
      writer.literal(",\"pidNamespace\":")
      writer.number(scope.pidNamespace)
    }
    if let commitHolder {
      if scope != nil { writer.literal(",") }
      writer.literal("\"commit\":")
      writer.string(commitHolder)
    }
    if isHousekeeping {
      if scope != nil || commitHolder != nil { writer.literal(",") }
      writer.literal("\"housekeeping\":true")
    }
    writer.literal("}")
    return UnknownField(key: Self.key, rawValue: writer.finish())
  }

  init(scope: ProcessScope? = .current, commitHolder: String? = nil, isHousekeeping: Bool = false) {
    self.scope = scope
    self.commitHolder = commitHolder
    self.isHousekeeping = isHousekeeping
  }

  /// The mark in `lock`, which is stored as `id`; nil if the lock is not one of this program's.
  ///
  /// An unreadable mark may be a commit lock of a later version, and counts as one.
  init?(of lock: LockFile, stored id: LockID) {
    guard let field = lock.unknownFields.last(where: { $0.key == Self.key }) else { return nil }
    do throws(FormatError) {
      self = try Self.decode(field.rawValue)
    } catch {
      self.init(scope: nil, commitHolder: id.hex)
    }
  }

  private static func decode(_ bytes: [UInt8]) throws(FormatError) -> LockMark {
    try GoJSON.read(bytes, "resticGitFS") { reader throws(FormatError) in
      var boot: String?
      var pidNamespace: UInt64?
      var mark = LockMark(scope: nil)
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "boot" {
          boot = try reader.string()
        } else if key == "pidNamespace" {
          pidNamespace = try reader.number()
        } else if key == "commit" {
          mark.commitHolder = try reader.string()
        } else if key == "housekeeping" {
          mark.isHousekeeping = try reader.boolean()
        } else {
          try reader.skipValue()
        }
      }
      if let boot, let pidNamespace { mark.scope = ProcessScope(boot: boot, pidNamespace: pidNamespace) }
      return mark
    }
  }
}
