internal import Logging

/// What is known of a repository on an SSH server, so that it need not be asked for again. A leaf lock.
final class SFTPMemory: Sendable {
  /// Permission bits of what is new.
  struct Modes: Hashable, Sendable {
    let file: UInt32
    let folder: UInt32

    static let owner = Modes(file: 0o400, folder: 0o700)
    static let group = Modes(file: 0o440, folder: 0o770)
  }

  private struct State {
    var sizes: [BackendFile: Int] = [:]
    var modes: Modes?
    var told: Set<String> = []
  }

  /// So many files are remembered; then all are forgotten.
  private static let mostSizes = 16384

  private let state = Locked(State())
  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
  }

  /// The size of `file`, a plain file when it was last seen. Config is the one file that may become another one.
  func size(of file: BackendFile) -> Int? {
    file == .config ? nil : state.withLock { $0.sizes[file] }
  }

  /// Remembers that `file` is plain and how large; nil: that it may not be.
  func note(_ file: BackendFile, size: Int?) {
    state.withLock { state in
      if size != nil, state.sizes.count >= Self.mostSizes { state.sizes = [:] }
      state.sizes[file] = size
    }
  }

  /// How new files and folders are made: for the group, too, where the config file is readable by it; nil where that is not
  /// known yet.
  var modes: Modes? { state.withLock { $0.modes } }

  /// Takes the modes from those of the config file. Without one they stay unknown.
  func noteConfig(_ attributes: SFTPAttributes) {
    guard attributes.irregularKind == nil else { return }
    state.withLock { $0.modes = attributes.isGroupReadable ? .group : .owner }
  }

  /// Takes the modes of a config file that was saved.
  func noteConfig(_ modes: Modes) { state.withLock { $0.modes = modes } }

  /// Logs `notice`, once.
  func tell(_ notice: String) {
    if state.withLock({ $0.told.insert(notice).inserted }) { logger.info("\(notice)") }
  }
}
