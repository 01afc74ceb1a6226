import MessageText
import ResticCore

/// A move of a ref, as `restic-gitfs log` prints it.
struct LogLine: Hashable, Sendable {
  let saved: SavedSnapshot
  let move: RefMove
  /// Whether the ref went forward or was forced.
  let ancestry: RefAncestry.Answer

  /// How many digits of an object's id are shown.
  private static let shortIDCount = 10

  /// The members of the JSON form.
  private struct Members: Encodable {
    let snapshot: String
    let time: String
    let hostname: String
    let username: String
    let repository: String
    let ref: String
    let kind: String
    let forced: Bool?
    let old: String?
    let new: String?

    private enum CodingKeys: String, CodingKey {
      case snapshot, time, hostname, username, repository, ref, kind, forced, old, new
    }

    /// Encodes missing values as `null`, so that a script finds every member.
    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(snapshot, forKey: .snapshot)
      try container.encode(time, forKey: .time)
      try container.encode(hostname, forKey: .hostname)
      try container.encode(username, forKey: .username)
      try container.encode(repository, forKey: .repository)
      try container.encode(ref, forKey: .ref)
      try container.encode(kind, forKey: .kind)
      try container.encode(forced, forKey: .forced)
      try container.encode(old, forKey: .old)
      try container.encode(new, forKey: .new)
    }
  }

  /// One JSON object.
  var json: String {
    let snapshot = saved.snapshot
    return JSONText.line(
      Members(
        snapshot: saved.id.hex, time: snapshot.time.rfc3339, hostname: snapshot.hostname, username: snapshot.username,
        repository: path, ref: "\(move.name)", kind: move.kind.rawValue, forced: isForced, old: move.old?.description,
        new: move.new?.description))
  }

  /// One line of printable text: snapshot, time, client, kind of move, old value and new value.
  var text: String {
    let snapshot = saved.snapshot
    let who = snapshot.username.isEmpty ? snapshot.hostname : "\(snapshot.username)@\(snapshot.hostname)"
    let ref = path.isEmpty ? "\(move.name)" : "\(path): \(move.name)"
    let kind = (isForced == true ? "forced" : move.kind.rawValue).padded(to: 7)
    return "\(saved.id.short)  \(snapshot.time.localText)  \(who)  \(kind)  \(ref)  \(values)".printable
  }

  /// Whether the move was forced. Nil if that is not known or has no meaning: the ref was created or deleted, or is
  /// symbolic.
  private var isForced: Bool? {
    switch ancestry {
    case .forward: false
    case .forced: true
    case .none, .unknown: nil
    }
  }

  private var path: String { move.repository.map(\.description).joined(separator: "/") }

  private var values: String {
    switch (move.old, move.new) {
    case (let old?, let new?): "\(Self.short(old))..\(Self.short(new))"
    case (let value?, nil), (nil, let value?): Self.short(value)
    case (nil, nil): ""
    }
  }

  private static func short(_ value: RefValue) -> String {
    if case .object(let id) = value { return String(decoding: id.prefix(shortIDCount), as: UTF8.self) }
    return value.description
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
