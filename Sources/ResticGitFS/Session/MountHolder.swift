import Glibc
import SystemPackage

/// A process that keeps a file system mounted in its own mount namespace after it was unmounted in this one.
///
/// `unshare -m`, containers and sandboxed builds copy all mounts. The kernel ends a FUSE file system with the last of
/// its mounts.
struct MountHolder: Codable, Hashable, Sendable {
  var processID: Int32
  /// The process's own name.
  var name: String
  /// Where that process sees the file system.
  var mountpoint: String

  private enum CodingKeys: String, CodingKey {
    case processID = "pid"
    case name
    case mountpoint
  }

  /// `process 4711 (sleep)`.
  var description: String { "process \(processID) (\(name))" }

  /// The file system's root, reached through the process.
  var path: FilePath { FilePath("/proc/\(processID)/root").pushing(FilePath(mountpoint).removingRoot()) }

  /// One process of each other mount namespace in which the file system on `device` is mounted. Skips a process that
  /// cannot be examined, or that ends meanwhile.
  static func find(device: String) -> [MountHolder] {
    let own = namespace(of: "self")
    var seen: Set<String> = []
    var holders: [MountHolder] = []
    for process in ProcessList.numbers {
      // Only the owner may see the namespace of a process; everybody may see its mounts.
      let namespace = namespace(of: "\(process)")
      if let namespace, namespace == own || !seen.insert(namespace).inserted { continue }
      // The process may have ended.
      guard let table = try? MountTable.load(seenBy: process),
        let entry = table.entries.last(where: { $0.device == device && $0.isResticGitFS })
      else { continue }
      holders.append(MountHolder(processID: process, name: name(of: process), mountpoint: entry.mountpoint.string))
    }
    return holders
  }

  /// The mount namespace of a process, as the kernel names it; nil if it cannot be seen.
  private static func namespace(of process: String) -> String? {
    var text = [UInt8](repeating: 0, count: 64)
    let count = readlink("/proc/\(process)/ns/mnt", &text, text.count)
    return count > 0 ? String(decoding: text[..<count], as: UTF8.self) : nil
  }

  private static func name(of process: Int32) -> String {
    // The process may have ended.
    let bytes = (try? FileContent.load(FilePath("/proc/\(process)/comm"))) ?? []
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }
}

extension [MountHolder] {
  /// `process 4711 (sleep) and process 4712 (make)`; of many the first few.
  var description: String {
    let shown = prefix(3).map(\.description).joined(separator: ", ")
    return count > 3 ? "\(shown) and others" : shown
  }
}
