import FoundationEssentials

/// The state that a mount reports: the members of the JSON in its root's attribute `user.restic.status` that are used
/// here.
struct MountState: Decodable, Hashable, Sendable {
  /// The progress of a commit.
  struct Progress: Decodable, Hashable, Sendable {
    var bytesDone: UInt64
    var bytesTotal: UInt64
  }

  /// What is waited for.
  struct Waiting: Decodable, Hashable, Sendable {
    /// Whose lock, or which storage: in words.
    var reason: String
    /// Since when. Another time means another wait.
    var since: String
  }

  /// Why the last commit failed.
  struct LastError: Decodable, Hashable, Sendable {
    var message: String
    var exitCode: Int32
    /// The references that somebody else has changed, if nothing else caused the failure.
    var references: [String]?
    /// The snapshot that was saved nevertheless.
    var snapshot: String?
  }

  /// A newest snapshot that is dated ahead of the clock.
  struct Ahead: Decodable, Hashable, Sendable {
    var message: String
  }

  /// What the mount is doing: `clean` if nothing differs from the snapshot.
  var state: String
  /// The shown snapshot; nil if there is none yet.
  var snapshot: String?
  /// The newest snapshot, if its date is too far in the future.
  var ahead: Ahead?
  /// The places of bare git repositories in the snapshot, if none is at its root.
  var repositories: [String]?
  /// Why a file that git requested was not served: one line.
  var refused: String?
  /// The running commit.
  var progress: Progress?
  /// The current wait.
  var waiting: Waiting?
  /// Why the last commit failed.
  var lastError: LastError?

  /// Parses JSON; nil if it is malformed, as from a program of another version.
  init?(parsing bytes: [UInt8]) {
    // A state that this version cannot decode is no state. The callers say that the mount does not tell its state.
    guard let state = try? JSONDecoder().decode(MountState.self, from: Data(bytes)) else { return nil }
    self = state
  }
}
