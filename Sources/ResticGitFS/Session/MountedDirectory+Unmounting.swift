import MessageText
import Platform
import ResticCore

extension MountedDirectory {
  /// Unmounts. After an error the mount is still there.
  func unmount(_ insistence: Unmounting.Insistence = .ifUnused) async throws(CommandError) {
    let path = path
    do throws(Unmounting.Failure) {
      // This waits for fusermount3.
      try await BlockingExecutor(threadCount: 1).run { () throws(Unmounting.Failure) in
        try Unmounting.unmount(path, insistence)
      }
    } catch {
      guard insistence == .ifUnused, error.isBusy else {
        throw CommandError("\(path) could not be unmounted: \(error.reason)")
      }
      throw CommandError(
        "\(path) is in use: close the programs and shells that stand in it (`fuser -vm \(ShellWord(path))` lists them) and try again"
      )
    }
  }
}
