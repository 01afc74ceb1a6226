import Dispatch
import ResticCore
import SystemPackage

/// The directories that threads are loading: one thread loads a directory, and the others that need the same one wait
/// for that thread.
///
/// The kernel lets any number of lookups in one directory be under way at once. Without this, each of them would load
/// the directory, which may have hundreds of thousands of entries. Thread-safe; a leaf lock, never held during a load.
final class DirectoryLoads: Sendable {
  /// A thread that waits.
  private final class Waiter: Sendable {
    let end = DispatchSemaphore(value: 0)
    let failure = Locked<TreeSourceError?>(nil)
  }

  /// Those who wait, by the directory that is being loaded.
  private let waiters = Locked<[InodeNumber: [Waiter]]>([:])

  /// Runs `load`, which loads `directory`, on this thread; or, if another thread is doing that, waits for its end and
  /// throws its error. After a return the directory may still not be loaded: the caller looks again.
  func run(_ directory: InodeNumber, _ load: () throws(TreeSourceError) -> Void) throws(TreeSourceError) {
    guard let waiter = begin(directory) else {
      do throws(TreeSourceError) {
        try load()
      } catch {
        // A caller that has given up says nothing about the directory: one of the others loads it.
        end(directory, error.errno == .interrupted ? nil : error)
        throw error
      }
      return end(directory, nil)
    }
    guard waitUnlessInterrupted(for: waiter.end) else { throw TreeSourceError(errno: .interrupted, isDamage: false) }
    if let failure = waiter.failure.withLock({ $0 }) { throw failure }
  }

  /// Nil if the calling thread is the one that loads.
  private func begin(_ directory: InodeNumber) -> Waiter? {
    waiters.withLock { waiters in
      guard waiters[directory] != nil else {
        waiters[directory] = []
        return nil
      }
      let waiter = Waiter()
      waiters[directory]?.append(waiter)
      return waiter
    }
  }

  private func end(_ directory: InodeNumber, _ failure: TreeSourceError?) {
    for waiter in waiters.withLock({ $0.removeValue(forKey: directory) }) ?? [] {
      waiter.failure.withLock { $0 = failure }
      waiter.end.signal()
    }
  }
}
