import ResticCore

/// One line on standard error that is rewritten while a commit is running; nothing if standard error is not a terminal.
final class ProgressLine: Sendable {
  /// The title of a commit.
  static let committing = "committing"
  private static let lookInterval = Duration.milliseconds(200)
  /// Shorter loading shows no line.
  private static let patience = Duration.milliseconds(500)

  private struct State {
    var isShown = false
    var start: ContinuousClock.Instant?
    var lastShown: ContinuousClock.Instant?
    var startByteCount: UInt64 = 0
  }

  private let isEnabled: Bool
  private let state = Locked(State())

  /// A line that is shown on a terminal, unless `isQuiet`.
  init(isQuiet: Bool) {
    isEnabled = !isQuiet && StandardStream.error.canBeOverwritten
  }

  /// The result of `body`; if that takes longer than a moment, the progress of `loading` is shown meanwhile.
  func showing<Success: Sendable>(
    _ loading: LoadingProgress, _ body: () async throws -> Success
  ) async throws -> Success {
    guard isEnabled else { return try await body() }
    let watch = Task {
      try? await Task.sleep(for: Self.patience)  // a cancellation ends the loop below
      while !Task.isCancelled {
        let figures = loading.figures
        if figures.filesTotal > figures.filesDone { show(MountStatus.Progress(figures), as: "reading the index") }
        try? await Task.sleep(for: Self.lookInterval)  // a cancellation ends the loop
      }
    }
    defer {
      watch.cancel()
      clear()
    }
    return try await body()
  }

  /// Shows the progress of the commit, or of `title`; the rate is computed from the first call on.
  func show(_ progress: MountStatus.Progress, as title: String = ProgressLine.committing) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    let text = state.withLock { state in
      let start = state.start ?? now
      if state.start == nil {
        state.start = now
        state.startByteCount = progress.bytesDone
      }
      state.isShown = true
      let byteCount = progress.bytesDone - min(progress.bytesDone, state.startByteCount)
      return Self.text(progress, byteCount: byteCount, in: start.duration(to: now), as: title)
    }
    // A line that wraps could not be taken away again.
    StandardStream.error.write("\r\u{1B}[K\(StandardStream.error.size?.cut(text) ?? text)")
  }

  /// Shows that `done` of `total` things are done: `reading: 12 of 40 snapshots`. Call this often: a short work shows no
  /// line, and a line is not rewritten more often than a person can read.
  func show(_ done: Int, of total: Int, _ things: String, as title: String) {
    guard isEnabled else { return }
    let now = ContinuousClock.now
    let isDue = state.withLock { state in
      let start = state.start ?? now
      state.start = start
      guard start.duration(to: now) >= Self.patience, (state.lastShown ?? start).duration(to: now) >= Self.lookInterval
      else { return false }
      (state.isShown, state.lastShown) = (true, now)
      return true
    }
    guard isDue else { return }
    let text = "\(title): \(done) of \(total) \(things)"
    StandardStream.error.write("\r\u{1B}[K\(StandardStream.error.size?.cut(text) ?? text)")
  }

  /// Removes the line.
  func clear() {
    let wasShown = state.withLock { state in
      defer { state.isShown = false }
      return state.isShown
    }
    if wasShown { StandardStream.error.write("\r\u{1B}[K") }
  }

  /// `committing: 12 of 40 files, 3.4 MiB of 12.0 MiB, 5.6 MiB/s, 2 s left`. Without the time if nothing has moved.
  static func text(
    _ progress: MountStatus.Progress, byteCount: UInt64, in duration: Duration,
    as title: String = ProgressLine.committing
  ) -> String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let rate = seconds < 0.2 ? nil : UInt64(Double(byteCount) / seconds)
    return "\(title): \(progress.filesDone) of \(progress.filesTotal) files, "
      + "\(ByteCountText.text(progress.bytesDone)) of \(ByteCountText.text(progress.bytesTotal))"
      + (rate.map { ", \(ByteCountText.text($0))/s" } ?? "")
      + (timeLeft(progress, rate: rate).map { ", \($0) left" } ?? "")
  }

  /// The time for the rest at `rate` bytes a second: `12 s`, `3 min`, `2 h 5 min`.
  private static func timeLeft(_ progress: MountStatus.Progress, rate: UInt64?) -> String? {
    guard let rate, rate > 0, progress.bytesTotal > progress.bytesDone else { return nil }
    let seconds = (progress.bytesTotal - progress.bytesDone + rate - 1) / rate
    switch seconds {
    case ..<100: return "\(seconds) s"
    case ..<6000: return "\((seconds + 59) / 60) min"
    default: return "\(seconds / 3600) h \(seconds % 3600 / 60) min"
    }
  }
}

extension MountStatus.Progress {
  /// The progress of loading an index.
  init(_ loading: LoadingProgress.Figures) {
    self.init(
      filesDone: loading.filesDone, filesTotal: loading.filesTotal, bytesDone: loading.bytesDone,
      bytesTotal: loading.bytesTotal)
  }
}
