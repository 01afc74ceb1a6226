import ResticCore

/// The status of a mount: the JSON in the extended attribute `user.restic.status` of its root, and of `status --json`.
struct MountStatus: Codable, Hashable, Sendable {
  /// The result of the last commit.
  struct LastCommit: Codable, Hashable, Sendable {
    /// The snapshot that it made, or the base if nothing had changed.
    var snapshot: String?
    /// Whether the commit made that snapshot; nil in the status of an older version.
    var saved: Bool?
    /// When, in RFC 3339.
    var time: String
    /// What a person should know of it.
    var message: String?
    /// Whether a person has to look at the result: exit code 3.
    var conflict: Bool
  }

  /// Why the last commit failed.
  struct LastError: Codable, Hashable, Sendable {
    /// In words.
    var message: String
    /// The exit code of a command with this error.
    var exitCode: Int32
    /// When, in RFC 3339.
    var time: String
    /// The refs that others changed differently, if nothing else caused the failure.
    var references: [String]?
    /// The snapshot that may nevertheless be saved: it is unknown whether it is stored, or part of the newest one.
    var snapshot: String?
    /// Whether something that was written, or that existed, can no longer be read.
    var isIncomplete: Bool?
  }

  /// The newest snapshot that the mount would choose but does not show, at the last look.
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

  /// The storage shows an older state than this machine has seen.
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

  /// The progress of the running commit.
  typealias Progress = CommitProgress.Figures

  /// The location of the repository.
  var repository: String
  /// Where it is mounted.
  var mountpoint: String
  /// The serving process.
  var pid: Int32
  var sessionFile: String?
  /// Whether the mount is read-only.
  var readOnly: Bool
  /// The snapshot that is shown, and from which changes are counted.
  var snapshot: String?
  /// The newest snapshot, if its date is too far in the future.
  var ahead: Ahead?
  /// A snapshot of others that is not shown yet. Known from the last look, which `--refresh` and a sync make.
  var newer: Newer?
  /// Set if the storage showed an older state at the last look than this machine has seen.
  var rollback: Rollback?
  /// Whether the kernel still remembers parts of the state before `snapshot`: true for a moment after a newer snapshot
  /// was adopted, otherwise nil.
  var refreshing: Bool?
  /// What the mount is doing.
  var state: CommitState.Phase
  /// Written bytes that are in memory only.
  var dirtyBytes: UInt64
  /// Files with such bytes.
  var dirtyFiles: Int
  /// Files that programs have open for writing: the kernel may hold written data that the mount has not received. Nil
  /// from an earlier version.
  var openForWriting: Int?
  /// How many files and directories are in memory. Nil from an earlier version.
  var inodes: Int?
  /// The lock file of the mount, if it holds a lock.
  var lock: String?
  /// The last successful commit.
  var lastCommit: LastCommit?
  /// Why the commit after that failed.
  var lastError: LastError?
  /// Why the last look for a newer snapshot failed, by `--refresh` or at a sync. Nil once a look succeeds.
  var refreshError: RefreshError?
  /// The places of bare git repositories in the snapshot, if a program wants one and none is at the root.
  var repositories: [String]?
  /// Why a requested file was not served, for the first time: on a mount for a program, and with `--safe-config`.
  var refused: String?
  /// The commit under way.
  var progress: Progress?
  /// The current wait.
  var waiting: Waiting?
  /// Whether git is packing repositories of the mount at this moment: true, or nil.
  var maintaining: Bool?
  /// The result of the last housekeeping that had something to do: one line.
  var lastMaintenance: String?
  /// The program's version.
  var version: String
}
