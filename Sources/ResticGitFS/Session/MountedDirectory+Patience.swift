import MessageText
import ResticCore

extension MountedDirectory {
  /// How long a mount may take to tell its status, for which it waits for nothing: one that takes longer hangs.
  private static let patience = Duration.seconds(5)

  /// The status in JSON, or that the mount does not answer. A mount that hangs keeps a thread until this process ends.
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
        // It is never cancelled.
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

/// A continuation that goes on with the first of two answers; the other comes to nothing. Its lock is a leaf.
private final class FirstAnswer: Sendable {
  private let waiting: Locked<CheckedContinuation<Result<[UInt8], CommandError>, Never>?>

  init(_ continuation: CheckedContinuation<Result<[UInt8], CommandError>, Never>) {
    waiting = Locked(continuation)
  }

  func resume(_ answer: Result<[UInt8], CommandError>) {
    waiting.withLock { $0.take() }?.resume(returning: answer)
  }
}
