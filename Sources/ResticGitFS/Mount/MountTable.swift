import SystemPackage

/// What is mounted where, as one process sees it: a copy made at one instant.
struct MountTable: Sendable {
  /// The type of our mounts in the table: FUSE's, with our name after the dot.
  static let fileSystemType = "fuse.restic-gitfs"

  /// The type of a folder that is mounted on when somebody looks into it: autofs(5).
  static let automountType = "autofs"

  /// All mounts; of several at one place the last is the one that is seen.
  let entries: [MountTableEntry]

  /// The table that `bytes`, the text of a mountinfo file, spell. Lines that are not entries are left out.
  init(parsing bytes: [UInt8]) {
    entries = bytes.split(separator: UInt8(ascii: "\n")).compactMap { MountTableEntry(line: $0) }
  }

  /// The table as this process sees it.
  static func load() throws(Errno) -> MountTable {
    try load(from: "/proc/self/mountinfo")
  }

  /// The table as the process `processID` sees it, which may live in another mount namespace. Throws `.noSuchFileOrDirectory`
  /// when it is gone.
  static func load(seenBy processID: Int32) throws(Errno) -> MountTable {
    try load(from: FilePath("/proc/\(processID)/mountinfo"))
  }

  /// The mount that is seen at `mountpoint`, an absolute path without symbolic links.
  func entry(at mountpoint: FilePath) -> MountTableEntry? {
    entries.last { $0.mountpoint == mountpoint }
  }

  /// The mounts that this program serves for the user `userID`.
  func mounts(ownedBy userID: UInt32) -> [MountTableEntry] {
    entries.filter { $0.isResticGitFS && $0.ownerID == userID }
  }

  private static func load(from path: FilePath) throws(Errno) -> MountTable {
    MountTable(parsing: try FileContent.load(path))
  }
}
