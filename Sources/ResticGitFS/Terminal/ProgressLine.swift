import ResticCore

/// One line on standard error that is written over and over while a commit is under way; nothing where nobody looks.
final class ProgressLine: Sendable {
  private struct State {
    var isShown = false
    var start: ContinuousClock.Instant?
    var startByteCount: UInt64 = 0
  }

  private let isEnabled: Bool
  private let state = Locked(State())

  /// A line that shows itself on a terminal, unless `isQuiet`.
  init(isQuiet: Bool) {
    isEnabled = !isQuiet && StandardStream.error.isTerminal
  }

  /// Shows how far the commit is; the rate is what went by since the first call.
  func show(_ progress: MountStatus.Progress) {
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
      return Self.text(progress, byteCount: byteCount, in: start.duration(to: now))
    }
    StandardStream.error.write("\r\u{1B}[K\(text)")
  }

  /// Takes the line away.
  func clear() {
    let wasShown = state.withLock { state in
      defer { state.isShown = false }
      return state.isShown
    }
    if wasShown { StandardStream.error.write("\r\u{1B}[K") }
  }

  /// `committing: 12 of 40 files, 3.4 MiB of 12.0 MiB, 5.6 MiB/s`.
  static func text(_ progress: MountStatus.Progress, byteCount: UInt64, in duration: Duration) -> String {
    let seconds = Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    let rate = seconds < 0.2 ? nil : UInt64(Double(byteCount) / seconds)
    return "committing: \(progress.filesDone) of \(progress.filesTotal) files, "
      + "\(ByteCountText.text(progress.bytesDone)) of \(ByteCountText.text(progress.bytesTotal))"
      + (rate.map { ", \(ByteCountText.text($0))/s" } ?? "")
  }
}
