import FuseBridge
import Glibc
import Logging
import ResticCore
import SystemPackage

/// The file system that the kernel talks to: POSIX semantics and errno over a `WorkingTree`. The other files of this
/// folder extend it by families of operations.
///
/// Thread-safe: called from FUSE's worker threads. `listings`, `configurations` and `creations` are leaf locks.
final class GitFileSystem: Sendable {
  /// The mounted tree.
  let tree: WorkingTree
  /// Reads its files.
  let files: FileReader
  /// Stores written data, so that memory stays within its limit.
  let streamer: ContentStreamer
  /// Commits, and reports the mount's status.
  let committer: any FileSystemCommitter
  /// The owner of everything that was not created, or given another owner, in this mount.
  let mounter = FileOwner(userID: getuid(), groupID: getgid())
  let ownerNames = OwnerNames()
  let listings = Locked(DirectoryListings())
  let storage: StorageStatistics
  let requestMemory: any FuseMemory = RequestMemory()
  /// Which files of `tree` are served.
  let rules: ServingRules
  /// Requests for files that are not served.
  let refusals: RefusalRecord
  /// The files that one process group creates, while they are recorded.
  let creations = CreationRecord()
  /// How many inodes `rules` allow.
  let inodeLimit: InodeLimit
  /// How many inodes the kernel has forgotten. A leaf lock.
  let forgetCount = Locked(0)
  /// The configuration files that the kernel knows. A leaf lock.
  let configurations = Locked(ShownConfigurations())

  /// A file system over the tree of `files`, which keeps to the limit of `rules` from now on.
  init(
    files: FileReader, streamer: ContentStreamer, committer: any FileSystemCommitter,
    rules: ServingRules = .everything, refusals: RefusalRecord, logger: Logger
  ) {
    tree = files.tree
    self.files = files
    self.streamer = streamer
    self.committer = committer
    self.rules = rules
    self.refusals = refusals
    inodeLimit = InodeLimit(count: rules.inodeLimit) {
      refusals.note("it has more than \(rules.inodeLimit) files; \(RefusalRecord.wayOut)")
    }
    storage = StorageStatistics(backend: files.repository.backend, logger: logger)
    tree.limitInodes(to: inodeLimit)
  }

  /// A new inode of `type`, owned by the caller or, in a set-group-id directory, by the directory's group.
  func newInode(
    _ type: NodeType, mode: UInt32, in parent: InodeNumber, caller: FuseCaller
  ) throws(Errno) -> NewInode {
    try streamer.requireMemory()
    let directory = try tree.read("create") { [mounter] namespace throws(NamespaceError) in
      try namespace.attributes(of: parent, mounter: mounter)
    }
    var permissions = mode & FileMode.permissionMask
    var owner = FileOwner(userID: caller.userID, groupID: caller.groupID)
    if directory.mode & S_ISGID != 0 {
      owner.groupID = directory.owner.groupID
      if type == .dir { permissions |= S_ISGID }
    }
    return NewInode(type: type, permissions: permissions, owner: ownerNames.named(owner))
  }
}

/// The operations that a file system needs for committing.
protocol FileSystemCommitter: Sendable {
  /// Commits everything written so far, and waits; for a person. On a plain thread.
  func commitAndWait() throws(Errno)
  /// The same for a program that syncs the mount's root, unless such a program has made a snapshot recently: then a
  /// commit follows later. On a plain thread.
  func commitForProgram() throws(Errno)
  /// The values of the root's extended attributes `user.restic.…`.
  func statusAttribute(_ name: Name) -> [UInt8]?
}
