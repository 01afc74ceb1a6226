import Glibc
import SystemPackage

/// How much more memory this process may take, by its own limits (`ulimit -v`, `ulimit -d`) and by that of its control
/// group. A Swift program ends when memory cannot be allocated, so memory is divided in advance.
///
/// Source: getrlimit(2), proc_pid_statm(5), Linux's admin-guide/cgroup-v2.rst.
public enum MemoryRoom {
  /// How many bytes are left; nil if nothing except the machine limits them.
  public static func byteCount() -> Int? {
    let used = usedByteCounts()
    return [
      softLimit(RLIMIT_AS).map { $0 - used.all }, softLimit(RLIMIT_DATA).map { $0 - used.data },
      groupLimit().map { $0 - used.resident },
    ].compactMap(\.self).min()
  }

  /// Whether the process has a limit of its own that counts the whole stacks of its threads.
  public static var countsStacks: Bool { softLimit(RLIMIT_AS) != nil || softLimit(RLIMIT_DATA) != nil }

  private static func softLimit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
    // RLIM_INFINITY is all ones, and a limit that an Int cannot hold is as good as none.
    return Int(exactly: limit.rlim_cur)
  }

  /// The figures that the limits apply to: address space, data with stacks, and pages in memory.
  private static func usedByteCounts() -> (all: Int, data: Int, resident: Int) {
    let words = text(of: "/proc/self/statm").split(whereSeparator: \.isWhitespace).map { Int($0) ?? 0 }
    guard words.count >= 6 else { return (0, 0, 0) }
    let page = sysconf(Int32(_SC_PAGESIZE))
    return (words[0] * page, words[5] * page, words[1] * page)
  }

  /// The smallest `memory.max` of the control group and those above it.
  private static func groupLimit() -> Int? {
    let line = text(of: "/proc/self/cgroup").split(separator: "\n").first { $0.hasPrefix("0::") }
    guard let line else { return nil }
    var folder = FilePath("/sys/fs/cgroup").pushing(FilePath(String(line.dropFirst(4))))
    var least: Int?
    while folder.starts(with: "/sys/fs/cgroup") {
      // "max" if there is no limit; the topmost group has no such file.
      if let limit = Int(text(of: folder.appending("memory.max").string).prefix { $0.isNumber }) {
        least = min(least ?? limit, limit)
      }
      folder.removeLastComponent()
    }
    return least
  }

  /// The first 4 KiB of a file; empty if the file cannot be read.
  private static func text(of path: String) -> String {
    // Without /proc or a control group no limit is known, and none is kept.
    guard let descriptor = try? SystemCall.open(FilePath(path), O_RDONLY) else { return "" }
    defer { Glibc.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    return String(decoding: bytes[..<max(read(descriptor, &bytes, bytes.count), 0)], as: UTF8.self)
  }
}
