/// The information about a serving process in its session file.
///
/// Layout: one JSON object and a newline. Readers ignore unknown members.
struct SessionRecord: Codable, Hashable, Sendable {
  /// The phase of the session. Only `committing` makes others wait.
  enum State: String, Codable, Sendable {
    /// The repository is open, nothing is mounted yet: nothing can be lost.
    case starting
    /// Mounted. Includes commits for `sync`.
    case serving
    /// Unmounted; the final commit is under way.
    case committing
    /// Ended: see `outcome`.
    case ended
  }

  /// The serving process.
  var processID: Int32
  /// Where it mounts, absolute.
  var mountpoint: String
  /// The device of its last mount (`MountTableEntry.device`); nil before the first, and from an earlier version.
  var device: String?
  /// The phase.
  var state: State
  /// The progress of the running commit.
  var progress: MountStatus.Progress?
  /// What it is waiting for.
  var waiting: MountStatus.Waiting?
  /// How it ended.
  var outcome: MountOutcome?

  /// Whether the mount on `device` can be the session's. An earlier version records no device.
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
