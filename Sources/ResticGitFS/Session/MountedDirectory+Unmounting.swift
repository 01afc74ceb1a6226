import Glibc
import MessageText
import Platform
import ResticCore

extension MountedDirectory {
  /// How long a mount in use is tried again: a program that only asks for its attributes holds it for a moment.
  private static let passingLook = Duration.seconds(1)

  /// Unmounts. After an error the mount is still there.
  func unmount(_ insistence: Unmounting.Insistence = .ifUnused) async throws(CommandError) {
    let path = path
    do throws(Unmounting.Failure) {
      // This waits for fusermount3, and for programs that look at the mount in passing, such as `restic-gitfs status`.
      try await BlockingExecutor(threadCount: 1).run { () throws(Unmounting.Failure) in
        let end = ContinuousClock.now.advanced(by: Self.passingLook)
        while true {
          do throws(Unmounting.Failure) {
            return try Unmounting.unmount(path, insistence)
          } catch {
            guard insistence == .ifUnused, error.isBusy, .now < end else { throw error }
          }
          usleep(20_000)
        }
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
