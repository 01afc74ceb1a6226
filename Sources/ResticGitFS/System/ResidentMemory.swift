import Glibc
import SystemPackage

/// The memory of this process at this moment.
/// Source: proc_pid_statm(5).
enum ResidentMemory {
  /// Bytes in memory; nil if /proc does not tell.
  static func byteCount() -> Int? {
    // Without /proc the figure is left out wherever it is shown.
    guard let bytes = try? FileContent.load("/proc/self/statm") else { return nil }
    let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
    guard words.count > 1, let pageCount = Int(words[1]) else { return nil }
    return pageCount * sysconf(Int32(_SC_PAGESIZE))
  }
}
