import ResticCore

/// What `mount --json` prints once the mount is ready.
struct MountAnnouncement: Encodable, Hashable, Sendable {
  private let messageType = "mounted"
  /// The repository's place, without secrets.
  let repository: String
  /// Where it is mounted.
  let mountpoint: String
  /// The process that serves the mount.
  let pid: Int32
  /// The snapshot that is shown: a full id; nil before the first.
  let snapshot: String?

  private enum CodingKeys: String, CodingKey {
    case messageType = "message_type"
    case repository
    case mountpoint
    case pid
    case snapshot
  }

  /// The mount that `status` is of.
  init(_ status: MountStatus) {
    repository = status.repository
    mountpoint = status.mountpoint
    pid = status.pid
    snapshot = status.snapshot
  }

  /// The mount of `service`, which is asked on a thread that may block.
  init(_ service: MountService) async {
    self.init(await BlockingExecutor(threadCount: 1).run { service.status() })
  }

  /// With `null` where there is no snapshot: a script finds every member always.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(messageType, forKey: .messageType)
    try container.encode(repository, forKey: .repository)
    try container.encode(mountpoint, forKey: .mountpoint)
    try container.encode(pid, forKey: .pid)
    try container.encode(snapshot, forKey: .snapshot)
  }

  /// One object on one line.
  var json: String { JSONText.line(self) }
}
