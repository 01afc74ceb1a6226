import Platform
import SystemPackage

/// The processes of this machine, as far as this one may see them.
enum ProcessList {
  /// Their numbers. Any of the processes may have ended.
  static var numbers: [Int32] {
    // Without /proc the list is empty.
    ((try? FolderNames.list("/proc")) ?? []).compactMap { Int32($0.string) }
  }
}
