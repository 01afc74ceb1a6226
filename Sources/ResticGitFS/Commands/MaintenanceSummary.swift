/// What `maintain --json` prints: one object, with every member always.
struct MaintenanceSummary: Encodable {
  private let report: HousekeepingReport

  /// What `report` says.
  init(_ report: HousekeepingReport) {
    self.report = report
  }

  private enum CodingKeys: String, CodingKey {
    case messageType = "message_type"
    case changed
    case failure
    case repositories
    case seconds
    case skipped
    case snapshot
  }

  /// `message_type` as in restic's summaries; `null` where there is no snapshot or failure.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("summary", forKey: .messageType)
    try container.encode(report.snapshot != nil, forKey: .changed)
    try container.encode(report.failure, forKey: .failure)
    try container.encode(report.work, forKey: .repositories)
    try container.encode(report.seconds, forKey: .seconds)
    try container.encode(report.skipped, forKey: .skipped)
    try container.encode(report.snapshot, forKey: .snapshot)
  }
}
