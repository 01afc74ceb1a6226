internal import Logging

/// Known facts about a repository on an SSH server, which need not be requested again. A leaf lock.
final class SFTPMemory: Sendable {
  /// Permission bits of new files and folders.
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

  /// How many files are remembered; beyond that, all are forgotten.
  private static let mostSizes = 16384

  private let state = Locked(State())
  private let logger: Logger

  init(logger: Logger) {
    self.logger = logger
  }

  /// The size of `file`, which was a plain file when it was last seen. Config is the one file that may be replaced.
  func size(of file: BackendFile) -> Int? {
    file == .config ? nil : state.withLock { $0.sizes[file] }
  }

  /// Remembers that `file` is a plain file, and its size; nil: that it may not be one.
  func note(_ file: BackendFile, size: Int?) {
    state.withLock { state in
      if size != nil, state.sizes.count >= Self.mostSizes { state.sizes = [:] }
      state.sizes[file] = size
    }
  }

  /// The modes of new files and folders: also for the group if the config file is readable by it; nil if that is not
  /// known yet.
  var modes: Modes? { state.withLock { $0.modes } }

  /// Derives the modes from those of the config file. Without a mode there they stay unknown.
  func noteConfig(_ attributes: SFTPAttributes) {
    guard attributes.irregularKind == nil else { return }
    state.withLock { $0.modes = attributes.isGroupReadable ? .group : .owner }
  }

  /// Adopts the modes of a config file that was saved.
  func noteConfig(_ modes: Modes) { state.withLock { $0.modes = modes } }

  /// Logs `notice`, once.
  func tell(_ notice: String) {
    if state.withLock({ $0.told.insert(notice).inserted }) { logger.info("\(notice)") }
  }
}
