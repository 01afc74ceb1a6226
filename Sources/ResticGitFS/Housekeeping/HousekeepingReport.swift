/// What housekeeping did to the git repositories of a mount: the value of the root's attribute `user.restic.maintain`,
/// in JSON.
struct HousekeepingReport: Hashable, Sendable, Codable {
  /// What housekeeping did to one repository.
  struct Work: Hashable, Sendable, Codable {
    /// The repository's folder on the mount; empty: the root.
    var folder: String
    /// The steps that were run, in order.
    var steps: [String]
    /// The counts before and after the steps.
    var before: RepositoryCounts
    var after: RepositoryCounts

    /// One line for the user.
    var text: String {
      var parts: [String] = []
      if before.packfiles != after.packfiles {
        parts.append("\(before.packfiles) packfiles are \(after.packfiles) now")
      }
      let references = before.looseReferences - after.looseReferences
      if references > 0 { parts.append(references == 1 ? "1 reference packed" : "\(references) references packed") }
      let objects = before.looseObjects - after.looseObjects
      if objects > 0 { parts.append("\(objects) loose objects packed or removed") }
      if parts.isEmpty { parts.append("nothing to maintain") }
      return (folder.isEmpty ? "" : "\(folder): ") + parts.joined(separator: ", ")
    }
  }

  /// The work on each repository; empty if no repository needed work.
  var work: [Work] = []
  /// Why repositories that needed work were skipped, one line each.
  var skipped: [String] = []
  /// Why housekeeping failed; nil if it did not.
  var failure: String?
  /// The exit code of a command with this report.
  var exitCode: Int32 = ExitStatus.done
  /// The snapshot that holds the work; nil if none was made.
  var snapshot: String?
  /// How long housekeeping took, in seconds.
  var seconds: Double = 0

  /// The exit codes of a report, which `ExitCode` has as well.
  enum ExitStatus {
    static let done: Int32 = 0
    static let failed: Int32 = 1
    static let locked: Int32 = 11
  }

  /// One line for the log or for the user.
  var text: String {
    var parts = work.map(\.text)
    parts += skipped
    if let failure { parts.append("failed: \(failure)") }
    if parts.isEmpty { parts.append("nothing to maintain") }
    return parts.joined(separator: "; ")
  }
}
