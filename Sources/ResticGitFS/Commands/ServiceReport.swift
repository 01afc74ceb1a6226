import ResticCore

/// What the service manager is told in the course of a mount; nothing where there is none.
///
/// While the mount is being prepared, and while the last commit runs, the manager is asked again and again for more time.
/// Both end by themselves, and to kill the process meanwhile would lose what is not saved.
final class ServiceReport: Sendable {
  /// How often the manager hears of a service that starts or stops.
  private static let interval = Duration.seconds(5)
  /// How long the manager is to wait for the next notice.
  private static let patience = Duration.seconds(60)

  private struct State {
    var isStopping = false
    var asksForTime = true
    var lastNotice: ContinuousClock.Instant?
  }

  private let manager: NotifySocket?
  private let state = Locked(State())

  /// A report to `manager`.
  init(to manager: NotifySocket?) {
    self.manager = manager
  }

  /// Whether there is a manager.
  var hasManager: Bool { manager != nil }

  /// The last save has failed and is tried again: from now on the manager's own patience counts, so that a storage that is gone
  /// does not keep the machine from going down for ever.
  func retry() {
    state.withLock { $0.asksForTime = false }
  }

  /// What `body` returns, while the manager is told that the service starts: `status`, and what `waiting` says.
  func starting<Success: Sendable>(
    _ status: String, _ waiting: WaitingNotes, _ body: () async throws -> Success
  ) async throws -> Success {
    guard let manager else { return try await body() }
    manager.tell([.status(status)])
    let watch = Task {
      while !Task.isCancelled {
        try? await Task.sleep(for: Self.interval)  // only a cancellation ends it early, and that ends the loop
        guard !Task.isCancelled else { return }
        let reason = waiting.current.map { ": \($0.reason)" } ?? ""
        manager.tell([.extendTimeout(Self.patience), .status(status + reason)])
      }
    }
    defer { watch.cancel() }
    return try await body()
  }

  /// The mount can be used; `status` is its own.
  func ready(_ status: MountStatus) {
    manager?.tell([.ready, .status(Self.text(status))])
  }

  /// Something has changed: the mount has come or gone, or the last commit has gone on. Call it as often as you like.
  func update(_ status: MountStatus) {
    guard let manager else { return }
    let notices: [NotifySocket.Notice] = state.withLock { state in
      let now = ContinuousClock.now
      guard status.state == .unmounting else {
        // The last commit has failed, and the mount is back.
        guard state.isStopping else { return [] }
        state = State(asksForTime: state.asksForTime)
        return [.status(Self.text(status))]
      }
      if let last = state.lastNotice, last.duration(to: now) < Self.interval { return [] }
      defer { (state.isStopping, state.lastNotice) = (true, now) }
      let first: [NotifySocket.Notice] = state.isStopping ? [] : [.stopping]
      let wish: [NotifySocket.Notice] = state.asksForTime ? [.extendTimeout(Self.patience)] : []
      return first + wish + [.status(Self.text(status))]
    }
    if !notices.isEmpty { manager.tell(notices) }
  }

  /// One line of what the mount is doing.
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
