import Logging
import ResticCore

/// Asks the kernel to forget inodes that it does not use, so that they can be unloaded. Otherwise it keeps a million
/// and more.
extension KernelCache {
  /// The inodes about which the kernel has not been asked yet.
  struct Pruning: Sendable {
    fileprivate var inodes: [InodeNumber] = []
    fileprivate var isUnderWay = false
    fileprivate var isImpossible = false
  }

  /// The most inodes in the queue. Others are found again by the next search.
  private static let pruningLimit = 1 << 16

  /// Asks the kernel, soon, to forget those of `inodes` that it does not use; does not wait.
  func forgetUnused(_ inodes: [InodeNumber]) {
    let mustStart = pruning.withLock { state in
      guard !state.isImpossible, state.inodes.count < Self.pruningLimit else { return false }
      state.inodes += inodes
      defer { state.isUnderWay = true }
      return !state.isUnderWay
    }
    guard mustStart else { return }
    Task { await pruningExecutor.run { self.pruneAll() } }
  }

  private func pruneAll() {
    while true {
      let inodes = pruning.withLock { state in
        defer { state.inodes = [] }
        if state.inodes.isEmpty { state.isUnderWay = false }
        return state.inodes
      }
      guard !inodes.isEmpty, let prune else { return pruning.withLock { $0.isUnderWay = false } }
      do {
        if try prune(inodes) { continue }
        logger.debug("this kernel can't be asked to forget what it does not use")
      } catch {
        logger.warning("no longer asking the kernel to forget unused entries: \(error)")
      }
      pruning.withLock { $0.isImpossible = true }
      return
    }
  }
}
