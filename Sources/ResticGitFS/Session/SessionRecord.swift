/// What a serving process tells others about itself through its session file.
///
/// Layout: one JSON object and a newline. Readers ignore members that they do not know.
struct SessionRecord: Codable, Hashable, Sendable {
  /// Where the session is in its life. Only `committing` makes others wait.
  enum State: String, Codable, Sendable {
    /// The repository is open, nothing is mounted yet: nothing can be lost.
    case starting
    /// Mounted. A commit that `sync` asked for belongs here too.
    case serving
    /// Unmounted; the final commit is under way.
    case committing
    /// Over: `outcome` says how.
    case ended
  }

  /// The serving process.
  var processID: Int32
  /// Where it mounts, absolute.
  var mountpoint: String
  /// The device of what it has mounted last (`MountTableEntry.device`); nil before that, and from an earlier version.
  var device: String?
  /// Where it is in its life.
  var state: State
  /// How far the commit is that is under way.
  var progress: MountStatus.Progress?
  /// What it is waiting for.
  var waiting: MountStatus.Waiting?
  /// How it ended.
  var outcome: MountOutcome?

  /// Whether the mount on `device` can be the session's. A process of an earlier version tells no device.
  func isOf(device: String?) -> Bool {
    self.device == nil || self.device == device
  }

  private enum CodingKeys: String, CodingKey {
    case processID = "pid"
    case mountpoint
    case device
    case state
    case progress
    case waiting
    case outcome
  }
}
