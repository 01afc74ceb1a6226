import FoundationEssentials

/// What a mount says of itself: of the JSON in its root's attribute `user.restic.status` the members that matter here.
struct MountState: Decodable, Hashable, Sendable {
  /// How far a commit has come.
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
    /// The references that somebody else has changed, where nothing else stood in the way.
    var references: [String]?
    /// The snapshot that was saved all the same.
    var snapshot: String?
  }

  /// A newest snapshot that is dated ahead of the clock.
  struct Ahead: Decodable, Hashable, Sendable {
    var message: String
  }

  /// What the mount is doing: `clean` where nothing differs from the snapshot.
  var state: String
  /// The snapshot it shows; nil where there is none yet.
  var snapshot: String?
  /// The newest snapshot, if that is dated too far ahead of the clock.
  var ahead: Ahead?
  /// Where in the snapshot bare git repositories are, if none is at its root.
  var repositories: [String]?
  /// Why something that git asked for was not served: one line.
  var refused: String?
  /// The commit under way.
  var progress: Progress?
  /// What is waited for at this moment.
  var waiting: Waiting?
  /// Why the last one failed.
  var lastError: LastError?

  /// From JSON; nil where it is none, as of a program of another version.
  init?(parsing bytes: [UInt8]) {
    // A state that this version cannot decode is no state. The callers say that the mount does not tell its state.
    guard let state = try? JSONDecoder().decode(MountState.self, from: Data(bytes)) else { return nil }
    self = state
  }
}
