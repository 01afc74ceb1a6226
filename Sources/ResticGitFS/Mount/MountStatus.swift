import ResticCore

/// How a mount stands: the JSON in the extended attribute `user.restic.status` of its root, and of `status --json`.
struct MountStatus: Codable, Hashable, Sendable {
  /// What the last commit came to.
  struct LastCommit: Codable, Hashable, Sendable {
    /// The snapshot it made, or the base where nothing had changed.
    var snapshot: String?
    /// When, in RFC 3339.
    var time: String
    /// What a person should know of it.
    var message: String?
    /// Whether somebody has to look at what became of it: exit code 3.
    var conflict: Bool
  }

  /// Why the last commit failed.
  struct LastError: Codable, Hashable, Sendable {
    /// In words.
    var message: String
    /// The exit code that a command has for it.
    var exitCode: Int32
    /// When, in RFC 3339.
    var time: String
    /// The refs that others changed differently, where those and nothing else stood in the way.
    var references: [String]?
    /// The snapshot that may be saved all the same: whether it is there, or the newest one contains it, is not known.
    var snapshot: String?
    /// Whether something that was written, or was there, can't be read any more.
    var isIncomplete: Bool?
  }

  /// The newest snapshot of the same thing, which the mount does not show, at the last look.
  struct Newer: Codable, Hashable, Sendable {
    /// Its id.
    var snapshot: String
    /// Its time, in RFC 3339.
    var time: String
  }

  /// Why the last look for a newer snapshot failed.
  struct RefreshError: Codable, Hashable, Sendable {
    /// In words.
    var message: String
    /// When, in RFC 3339.
    var time: String
  }

  /// A newest snapshot that is dated more than a day ahead of this machine's clock.
  struct Ahead: Codable, Hashable, Sendable {
    /// Its id.
    var snapshot: String
    /// Its time, in RFC 3339.
    var time: String
    /// In words, with the commands that re-date or remove it.
    var message: String
  }

  /// That the storage shows an older state than this machine has seen.
  struct Rollback: Codable, Hashable, Sendable {
    /// The newest snapshot that the storage shows, if it shows one.
    var shown: String?
    /// Its time, in RFC 3339.
    var shownTime: String?
    /// The newest snapshot that this machine has seen.
    var seen: String
    /// Its time, in RFC 3339.
    var seenTime: String
    /// In words.
    var message: String
  }

  /// What the mount is waiting for.
  struct Waiting: Codable, Hashable, Sendable {
    /// Whose lock, or which storage: in words.
    var reason: String
    /// Since when, in RFC 3339. Another time means another wait.
    var since: String

    /// What `note` says.
    init(_ note: WaitingNotes.Note) {
      reason = note.reason
      since = note.since.rfc3339
    }
  }

  /// How far the commit under way has come.
  typealias Progress = CommitProgress.Figures

  /// The repository's place.
  var repository: String
  /// Where it is mounted.
  var mountpoint: String
  /// The serving process.
  var pid: Int32
  var sessionFile: String?
  /// Whether nothing can be changed.
  var readOnly: Bool
  /// The snapshot that is shown, and changes count from.
  var snapshot: String?
  /// The newest snapshot, if that is dated too far ahead of the clock.
  var ahead: Ahead?
  /// What others saved meanwhile and is not shown yet. Known from the last look, as often as `--refresh` says and at a sync.
  var newer: Newer?
  /// That the storage shows an older state than this machine has seen, at the last look.
  var rollback: Rollback?
  /// Whether the kernel still remembers some of what was shown before `snapshot`: true for a moment after a newer one was
  /// taken over, else nil.
  var refreshing: Bool?
  /// What the mount is doing.
  var state: CommitState.Phase
  /// Bytes written that are in memory only.
  var dirtyBytes: UInt64
  /// Files with such bytes.
  var dirtyFiles: Int
  /// Files that programs have open for writing: the kernel may hold bytes of them that the mount has not seen. Nil from an
  /// earlier version.
  var openForWriting: Int?
  /// How many files and directories are in memory. Nil from an earlier version.
  var inodes: Int?
  /// The lock file that is held.
  var lock: String?
  /// The last commit that went through.
  var lastCommit: LastCommit?
  /// Why the commit after that failed.
  var lastError: LastError?
  /// Why the last look for a newer snapshot failed: by `--refresh` or at a sync. Nil once a look succeeds.
  var refreshError: RefreshError?
  /// Where in the snapshot bare git repositories are, if a program wants one and none is at the root.
  var repositories: [String]?
  /// Why something that was asked for is not served, the first time: on a mount for a program, and with `--safe-config`.
  var refused: String?
  /// The commit under way.
  var progress: Progress?
  /// What is waited for at this moment.
  var waiting: Waiting?
  /// Whether git puts repositories of the mount in order at this moment: true, or nil.
  var maintaining: Bool?
  /// What the last time came to at which there was something to do: one line.
  var lastMaintenance: String?
  /// The program's version.
  var version: String
}
