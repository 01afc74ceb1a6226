import ProgramVersion

/// Everything that the doctor found out.
struct DoctorReport: Sendable {
  /// The members of the JSON form.
  private struct Members: Encodable {
    let ok: Bool
    let version: String
    let checks: [DoctorCheck]
  }

  /// The checks, in the order in which they were made.
  var checks: [DoctorCheck] = []

  /// Whether no check failed.
  var isHealthy: Bool { !checks.contains { $0.verdict == .fail } }

  /// The report as one JSON object on one line.
  var json: String {
    JSONText.line(Members(ok: isHealthy, version: Version.current, checks: checks))
  }

  /// The report as one sentence for the user.
  var summary: String {
    let (failures, warnings) = (count(.fail), count(.warning))
    guard failures + warnings > 0 else { return "all is well" }
    return
      "\(failures) \(failures == 1 ? "failure" : "failures"), \(warnings) \(warnings == 1 ? "warning" : "warnings")"
  }

  private func count(_ verdict: DoctorCheck.Verdict) -> Int {
    checks.count { $0.verdict == verdict }
  }
}
