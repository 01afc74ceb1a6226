import MessageText
import ResticCore

extension MountedDirectory {
  /// How long a mount may take to report its status, for which it waits for nothing: a mount that takes longer hangs.
  private static let patience = Duration.seconds(5)

  /// The status in JSON, or the error that the mount does not answer. A hanging mount keeps a thread until this process
  /// ends.
  func statusTextInTime() async -> Result<[UInt8], CommandError> {
    await withCheckedContinuation { continuation in
      let waiting = FirstAnswer(continuation)
      Task {
        let answer = await BlockingExecutor(threadCount: 1).run {
          Result { () throws(CommandError) in try statusText() }
        }
        waiting.resume(answer)
      }
      Task {
        // Never cancelled.
        try? await Task.sleep(for: Self.patience)
        let failure = CommandError(
          """
          \(path) does not answer; if it never does, give it up with `restic-gitfs umount --discard \(ShellWord(path))` (unsaved \
          changes are lost)
          """)
        waiting.resume(.failure(failure))
      }
    }
  }
}

/// A continuation that resumes with the first of two answers; the second is ignored. Its lock is a leaf.
private final class FirstAnswer: Sendable {
  private let waiting: Locked<CheckedContinuation<Result<[UInt8], CommandError>, Never>?>

  init(_ continuation: CheckedContinuation<Result<[UInt8], CommandError>, Never>) {
    waiting = Locked(continuation)
  }

  func resume(_ answer: Result<[UInt8], CommandError>) {
    waiting.withLock { $0.take() }?.resume(returning: answer)
  }
}
