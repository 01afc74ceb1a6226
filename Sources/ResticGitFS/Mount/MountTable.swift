import SystemPackage

/// The mounts that one process sees: a copy made at one instant.
struct MountTable: Sendable {
  /// The type of this program's mounts in the table: FUSE's, with the program's name after the dot.
  static let fileSystemType = "fuse.restic-gitfs"

  /// The type of a folder that is mounted when a program looks into it: autofs(5).
  static let automountType = "autofs"

  /// All mounts; of several at one place, the last one is visible.
  let entries: [MountTableEntry]

  /// The table in `bytes`, the text of a mountinfo file. Lines that are not entries are skipped.
  init(parsing bytes: [UInt8]) {
    entries = bytes.split(separator: UInt8(ascii: "\n")).compactMap { MountTableEntry(line: $0) }
  }

  /// The table as this process sees it.
  static func load() throws(Errno) -> MountTable {
    try load(from: "/proc/self/mountinfo")
  }

  /// As `load`, for a command, which cannot do without the table.
  static func loadForCommand() throws(CommandError) -> MountTable {
    do throws(Errno) {
      return try load()
    } catch {
      throw CommandError("the mount table cannot be read: \(error); is /proc mounted?")
    }
  }

  /// The table as the process `processID` sees it, which may be in another mount namespace. Throws
  /// `.noSuchFileOrDirectory` if the process is gone.
  static func load(seenBy processID: Int32) throws(Errno) -> MountTable {
    try load(from: FilePath("/proc/\(processID)/mountinfo"))
  }

  /// The visible mount at `mountpoint`, an absolute path without symbolic links.
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
