import MessageText

/// A mount's status for a person.
enum StatusText {
  /// Some lines of printable text without a newline at the end; empty lines are left out.
  static func text(_ status: MountStatus) -> String {
    var lines = [
      ("repository", status.repository),
      ("snapshot", status.snapshot.map { String($0.prefix(8)) } ?? "none yet"),
      ("state", state(status)),
    ]
    if let newer = status.newer {
      lines.append(("newer", "snapshot \(newer.snapshot.prefix(8)) of \(newer.time) is not shown yet"))
    }
    if let ahead = status.ahead { lines.append(("warning", ahead.message)) }
    if let rollback = status.rollback { lines.append(("warning", rollback.message)) }
    if let failure = status.refreshError {
      lines.append(("refresh", "\(failure.time)  cannot look for newer snapshots: \(failure.message)"))
    }
    if let progress = status.progress {
      lines.append(("progress", ProgressLine.text(progress, byteCount: 0, in: .zero)))
    }
    if let waiting = status.waiting {
      lines.append(("waiting", "since \(waiting.since): \(waiting.reason)"))
    }
    if let commit = status.lastCommit {
      let id = commit.snapshot.map { "snapshot \($0.prefix(8))" } ?? "no changes"
      lines.append(("last commit", "\(commit.time)  \(id)" + (commit.message.map { "  \($0)" } ?? "")))
    }
    if let failure = status.lastError {
      lines.append(("last error", "\(failure.time)  \(failure.message)"))
    }
    if status.maintaining == true {
      lines.append(("housekeeping", "git is at work"))
    } else if let last = status.lastMaintenance {
      lines.append(("housekeeping", last))
    }
    lines.append(("process", "\(status.pid), restic-gitfs \(status.version)"))
    let width = lines.map(\.0.count).max() ?? 0
    return status.mountpoint.printable
      + lines.map { title, text in
        "\n  \(title)\(String(repeating: " ", count: width - title.count))  \(text.printable)"
      }.joined()
  }

  private static func state(_ status: MountStatus) -> String {
    switch status.state {
    case .clean: status.readOnly ? "read-only" : "all saved"
    case .dirty:
      "\(status.dirtyFiles) \(status.dirtyFiles == 1 ? "file" : "files"), "
        + "\(ByteCountText.text(status.dirtyBytes)) not saved yet"
    case .committing: "saving"
    case .unmounting: "unmounted, saving"
    }
  }
}
