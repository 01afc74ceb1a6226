import Glibc
import Platform
import SystemPackage

/// The descriptors that a process was started with.
enum InheritedDescriptors {
  /// All except the standard three. Correct only before anything has been opened: call it first.
  static func list() -> [Int32] {
    // Without /proc none is known. The list includes the descriptor that read the folder, which is closed by now.
    let numbers = ((try? FolderNames.list("/proc/self/fd")) ?? []).compactMap { Int32($0.string) }
    return numbers.filter { $0 > 2 && fcntl($0, F_GETFD) >= 0 }
  }
}
