/// The output of `sync` and `umount`.
struct CommitReport: Hashable, Sendable {
  /// The snapshot that holds the mount's content: a full id; nil if nothing was ever saved.
  let snapshot: String?
  /// Whether it is another one than before: of this mount, or of another client.
  let changed: Bool
  /// Whether the command made it.
  var saved = false
  /// Whether others had changed the same refs or files.
  var isConflict = false

  /// The members of the JSON form; `message_type` as in restic's summaries.
  private struct Report: Encodable {
    let messageType = "summary"
    let snapshot: String?
    let changed: Bool
    let saved: Bool
    let conflict: Bool

    private enum CodingKeys: String, CodingKey {
      case messageType = "message_type"
      case snapshot
      case changed
      case saved
      case conflict
    }

    /// Writes `null` if there is no snapshot, so that every member is always present.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(messageType, forKey: .messageType)
      try container.encode(snapshot, forKey: .snapshot)
      try container.encode(changed, forKey: .changed)
      try container.encode(saved, forKey: .saved)
      try container.encode(conflict, forKey: .conflict)
    }
  }

  /// The report as one line for a person.
  var text: String {
    guard let snapshot else { return "no changes, nothing saved yet" }
    let id = snapshot.prefix(8)
    if isConflict { return "snapshot \(id) saved, with conflicts" }
    if saved { return "snapshot \(id) saved" }
    return changed ? "nothing to save, snapshot is now \(id)" : "no changes, snapshot is \(id)"
  }

  /// The report as one line of JSON.
  var json: String {
    JSONText.line(Report(snapshot: snapshot, changed: changed, saved: saved, conflict: isConflict))
  }

  /// Prints it: as JSON if requested, otherwise as text unless `quiet`.
  func print(json: Bool, quiet: Bool, in context: CommandContext) {
    if json {
      context.say(self.json)
    } else if !quiet {
      context.say(text)
    }
  }
}
