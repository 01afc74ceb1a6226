import Glibc
import Platform
import SystemPackage

/// The descriptors that a process was started with.
enum InheritedDescriptors {
  /// All but the standard three. Right only before anything has been opened: called first of all.
  static func list() -> [Int32] {
    // Without /proc none is known. The one that the folder was read with is among them, and closed again.
    let numbers = ((try? FolderNames.list("/proc/self/fd")) ?? []).compactMap { Int32($0.string) }
    return numbers.filter { $0 > 2 && fcntl($0, F_GETFD) >= 0 }
  }
}
