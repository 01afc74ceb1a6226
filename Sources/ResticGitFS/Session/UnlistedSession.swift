import MessageText
import SystemPackage

/// A session that goes on although its mount is not in the table of this process: for `status`.
struct UnlistedSession: Encodable, Hashable, Sendable {
  /// Why the process goes on.
  enum State: String, Encodable, Sendable {
    /// The last commit is under way.
    case unmounting
    /// Other mount namespaces have the mount, or files on it are open.
    case held
  }

  /// Where it was mounted.
  var mountpoint: String
  /// The serving process.
  var pid: Int32
  var sessionFile: String
  /// What it is doing.
  var state: State
  /// Who has it mounted still.
  var holders: [MountHolder]
  /// How far the last commit is.
  var progress: MountStatus.Progress?
  /// What it is waiting for.
  var waiting: MountStatus.Waiting?

  /// This user's sessions, of any repository, that are not in `table`. A state folder that can't be read has none.
  static func find(stateHome: FilePath?, table: MountTable) -> [UnlistedSession] {
    var found: [UnlistedSession] = []
    // A folder that can't be read is left out, as the comment above says. The others are looked at all the same.
    for directory in (try? stateHome.map { try SessionDirectory.all(stateHome: $0) }) ?? [] {
      for session in (try? directory.sessions()) ?? [] {
        guard let record = session.record(), let unlisted = UnlistedSession(record, of: session, table) else {
          continue
        }
        found.append(unlisted)
      }
    }
    return found.sorted { ($0.mountpoint, $0.pid) < ($1.mountpoint, $1.pid) }
  }

  private init?(_ record: SessionRecord, of session: SessionObserver, _ table: MountTable) {
    let entry = table.entry(at: FilePath(record.mountpoint))
    switch record.state {
    case .starting, .ended: return nil
    case .committing: state = .unmounting
    case .serving where entry?.isResticGitFS == true && record.isOf(device: entry?.device): return nil
    case .serving: state = .held
    }
    mountpoint = record.mountpoint
    pid = record.processID
    sessionFile = session.path.string
    holders = state == .held ? record.device.map { MountHolder.find(device: $0) } ?? [] : []
    progress = record.progress
    waiting = record.waiting
  }

  /// Some lines of printable text for a person, without a newline at the end.
  var text: String {
    var lines = ["\(mountpoint)"]
    switch state {
    case .unmounting: lines.append("state    unmounted, saving")
    case .held where holders.isEmpty: lines.append("state    unmounted here; files on it are open")
    case .held: lines.append("state    unmounted here; in another mount namespace \(holders.description) has it")
    }
    if let waiting { lines.append("waiting  since \(waiting.since): \(waiting.reason)") }
    lines.append("process  \(pid)")
    return lines.map(\.printable).joined(separator: "\n  ")
  }
}
