import ResticCore

/// The output of `mount --json` once the mount is ready.
struct MountAnnouncement: Encodable, Hashable, Sendable {
  private let messageType = "mounted"
  /// The location of the repository, without secrets.
  let repository: String
  /// Where it is mounted.
  let mountpoint: String
  /// The process that serves the mount.
  let pid: Int32
  /// The shown snapshot: a full id; nil before the first.
  let snapshot: String?

  private enum CodingKeys: String, CodingKey {
    case messageType = "message_type"
    case repository
    case mountpoint
    case pid
    case snapshot
  }

  /// The announcement of the mount with `status`.
  init(_ status: MountStatus) {
    repository = status.repository
    mountpoint = status.mountpoint
    pid = status.pid
    snapshot = status.snapshot
  }

  /// The announcement of the mount of `service`, whose status is read on a thread that may block.
  init(_ service: MountService) async {
    self.init(await BlockingExecutor(threadCount: 1).run { service.status() })
  }

  /// Writes `null` if there is no snapshot, so that every member is always present.
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
