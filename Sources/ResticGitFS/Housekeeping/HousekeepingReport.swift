/// What was done to the git repositories of a mount: the value of the root's attribute `user.restic.maintain`, in JSON.
struct HousekeepingReport: Hashable, Sendable, Codable {
  /// What was done to one of them.
  struct Work: Hashable, Sendable, Codable {
    /// The repository's folder on the mount; empty: the root.
    var folder: String
    /// What was run, in this order.
    var steps: [String]
    /// What was there before, and afterwards.
    var before: RepositoryCounts
    var after: RepositoryCounts

    /// One line for a person.
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

  /// What was done; nothing where nothing was to be done.
  var work: [Work] = []
  /// Why nothing was done to some repositories, though there was something to do, a line each.
  var skipped: [String] = []
  /// Why it failed, if it did.
  var failure: String?
  /// The exit code that a command has for all this.
  var exitCode: Int32 = ExitStatus.done
  /// The snapshot that was made of it, if one was.
  var snapshot: String?
  /// How long it took.
  var seconds: Double = 0

  /// The exit codes in question, which `ExitCode` has as well.
  enum ExitStatus {
    static let done: Int32 = 0
    static let failed: Int32 = 1
    static let locked: Int32 = 11
  }

  /// One line for the log, or for a person.
  var text: String {
    var parts = work.map(\.text)
    parts += skipped
    if let failure { parts.append("failed: \(failure)") }
    if parts.isEmpty { parts.append("nothing to maintain") }
    return parts.joined(separator: "; ")
  }
}
