import Logging
import ResticCore

/// Why a mount refused a file that git asked for: the first reason, for the program that waits.
///
/// An error number alone does not tell a person what to do, and git ignores some errors. Thread-safe; a leaf lock.
final class RefusalRecord: Sendable {
  private let first = Locked<String?>(nil)
  private let logger: Logger

  /// A record without a refusal, which also logs each.
  init(logger: Logger) {
    self.logger = logger
  }

  /// The first refusal, in one line for a person; nil if there is none.
  var message: String? { first.withLock { $0 } }

  /// Records a refusal.
  func note(_ message: String) {
    let isFirst = first.withLock { first in
      defer { first = first ?? message }
      return first == nil
    }
    logger.log(level: isFirst ? .notice : .debug, "refused: \(message)")
  }
}
