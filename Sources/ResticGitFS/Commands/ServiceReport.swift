import ResticCore

/// Reports a mount's progress to the service manager; does nothing if there is none.
///
/// While the mount is being prepared, and while the last commit runs, this asks the manager repeatedly for more time.
/// Both end by themselves, and killing the process meanwhile would lose unsaved changes.
final class ServiceReport: Sendable {
  /// How often a starting or stopping service reports.
  private static let interval = Duration.seconds(5)
  /// How long the manager should wait for the next notice.
  private static let patience = Duration.seconds(60)

  private struct State {
    var isStopping = false
    var lastNotice: ContinuousClock.Instant?
  }

  private let manager: NotifySocket?
  private let state = Locked(State())

  /// A report to `manager`.
  init(to manager: NotifySocket?) {
    self.manager = manager
  }

  /// The result of `body`, during which the manager is told that the service is starting: `status`, and the waits in
  /// `waiting`.
  func starting<Success: Sendable>(
    _ status: String, _ waiting: WaitingNotes, _ body: () async throws -> Success
  ) async throws -> Success {
    guard let manager else { return try await body() }
    manager.tell([.status(status)])
    let watch = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: Self.interval)  // a cancellation also ends the loop
        guard !Task.isCancelled else { return }
        let reason = waiting.current.map { ": \($0.reason)" } ?? ""
        manager.tell([.extendTimeout(Self.patience), .status(status + reason)])
      }
    }
    defer { watch.cancel() }
    return try await body()
  }

  /// The mount is ready; `status` is the mount's.
  func ready(_ status: MountStatus) {
    manager?.tell([.ready, .status(Self.text(status))])
  }

  /// The mount has come or gone, or the last commit has progressed. May be called any number of times.
  func update(_ status: MountStatus) {
    guard let manager else { return }
    let notices: [NotifySocket.Notice] = state.withLock { state in
      let now = ContinuousClock.now
      guard status.state == .unmounting else {
        // The last commit has failed, and the mount is back.
        guard state.isStopping else { return [] }
        state = State()
        return [.status(Self.text(status))]
      }
      if let last = state.lastNotice, last.duration(to: now) < Self.interval { return [] }
      defer { state = State(isStopping: true, lastNotice: now) }
      let first: [NotifySocket.Notice] = state.isStopping ? [] : [.stopping]
      return first + [.extendTimeout(Self.patience), .status(Self.text(status))]
    }
    if !notices.isEmpty { manager.tell(notices) }
  }

  /// One line about what the mount is doing.
  static func text(_ status: MountStatus) -> String {
    let snapshot = status.snapshot.map { "snapshot \($0.prefix(8))" } ?? "no snapshot yet"
    guard status.state == .unmounting else {
      let failure = status.lastError.map { "; the last commit failed: \($0.message)" } ?? ""
      return "serving \(status.repository) on \(status.mountpoint), \(snapshot)\(failure)"
    }
    let waiting = status.waiting.map { "; waiting: \($0.reason)" } ?? ""
    let progress = status.progress.map {
      ": \(ByteCountText.text($0.bytesDone)) of \(ByteCountText.text($0.bytesTotal))"
    }
    return "saving \(status.mountpoint)\(progress ?? "")\(waiting)"
  }
}
