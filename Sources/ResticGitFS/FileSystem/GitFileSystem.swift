import FuseBridge
import Glibc
import ResticCore
import SystemPackage

/// What the kernel talks to: POSIX semantics and errno over a `WorkingTree`. The other files of this folder extend it by
/// families of operations.
///
/// Thread-safe: called from FUSE's worker threads. `listings` and `configurations` are leaf locks.
final class GitFileSystem: Sendable {
  /// The mounted tree.
  let tree: WorkingTree
  /// Stores what is written, so that memory stays within its limit.
  let streamer: ContentStreamer
  /// Commits, and tells how it stands.
  let committer: any FileSystemCommitter
  /// Whom everything belongs to that was not made or given away in this mount.
  let mounter = FuseCaller(userID: getuid(), groupID: getgid(), processID: getpid())
  let ownerNames = OwnerNames()
  let listings = Locked(DirectoryListings())
  let storage: StorageStatistics
  let requestMemory: any FuseMemory = RequestMemory()
  /// What is served of `tree`.
  let rules: ServingRules
  /// What was asked for and is not served.
  let refusals: RefusalRecord
  /// How many inodes `rules` allow.
  let inodeLimit: InodeLimit
  /// The configuration files that the kernel knows. A leaf lock.
  let configurations = Locked(ShownConfigurations())

  /// A file system over `tree`, which keeps to the limit of `rules` from now on.
  init(
    tree: WorkingTree, streamer: ContentStreamer, committer: any FileSystemCommitter,
    rules: ServingRules = .everything, refusals: RefusalRecord
  ) {
    self.tree = tree
    self.streamer = streamer
    self.committer = committer
    self.rules = rules
    self.refusals = refusals
    inodeLimit = InodeLimit(count: rules.inodeLimit, refusals: refusals)
    storage = StorageStatistics(backend: tree.repository.backend)
    tree.limitInodes(to: inodeLimit)
  }

  /// A new node of `type`, owned by the caller or, in a set-group-id directory, by the directory's group.
  func newNode(
    _ type: NodeType, mode: UInt32, in parent: InodeNumber, caller: FuseCaller
  ) throws(Errno) -> Node {
    try streamer.requireMemory()
    let directory = try tree.read("create") { [mounter] namespace throws(NamespaceError) in
      try namespace.attributes(of: parent, mounter: mounter)
    }
    var mode = mode
    var groupID = caller.groupID
    if directory.mode & S_ISGID != 0 {
      groupID = directory.groupID
      if type == .dir { mode |= S_ISGID }
    }
    return Node(
      name: Name([]), type: type, mode: FileMode.stored(mode), uid: caller.userID, gid: groupID,
      user: ownerNames.user(caller.userID), group: ownerNames.group(groupID))
  }
}

/// What a file system needs of whoever commits it.
protocol FileSystemCommitter: Sendable {
  /// Commits everything written so far, and waits: for a person. On a plain thread.
  func commitAndWait() throws(Errno)
  /// The same for a program that syncs the mount's root, unless that has made a snapshot a while ago: then a commit comes
  /// later. On a plain thread.
  func commitForProgram() throws(Errno)
  /// The values of the root's extended attributes `user.restic.…`.
  func statusAttribute(_ name: Name) -> [UInt8]?
}
