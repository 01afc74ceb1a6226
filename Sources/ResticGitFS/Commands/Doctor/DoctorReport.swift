import ProgramVersion

/// All that the doctor found out.
struct DoctorReport: Sendable {
  /// The members of the JSON form.
  private struct Members: Encodable {
    let ok: Bool
    let version: String
    let checks: [DoctorCheck]
  }

  /// In the order in which it was found out.
  var checks: [DoctorCheck] = []

  /// Whether nothing fails.
  var isHealthy: Bool { !checks.contains { $0.verdict == .fail } }

  /// One object on one line.
  var json: String {
    JSONText.line(Members(ok: isHealthy, version: Version.current, checks: checks))
  }

  /// One sentence for a person.
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
