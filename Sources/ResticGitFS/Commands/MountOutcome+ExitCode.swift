extension MountOutcome {
  /// What the process that served the mount, and one that waits for its end, exit with.
  var exitCode: ExitCode {
    switch self {
    case .clean, .committed: .success
    case .conflict: .partial
    case .failed: .failure
    }
  }

  /// The snapshot that holds what was mounted, if there is one: a full id.
  var snapshot: String? {
    switch self {
    case .clean(let snapshot): snapshot
    case .committed(let snapshot), .conflict(let snapshot, _): snapshot
    case .failed: nil
    }
  }
}
