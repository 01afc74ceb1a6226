import Glibc
import SystemPackage

/// A process that keeps a file system mounted in a mount namespace of its own, after it was unmounted in ours.
///
/// `unshare -m`, containers and sandboxed builds copy all mounts. The kernel ends a FUSE file system with the last of its
/// mounts.
struct MountHolder: Codable, Hashable, Sendable {
  var processID: Int32
  /// What the process calls itself.
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

  /// One process of each other mount namespace in which the file system on `device` is mounted. A process that can't be
  /// looked at, or ends meanwhile, is left out.
  static func find(device: String) -> [MountHolder] {
    let own = namespace(of: "self")
    var seen: Set<String> = []
    var holders: [MountHolder] = []
    for process in ProcessList.numbers {
      // Only the owner may see of which namespace a process is; its mounts everybody may.
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

  /// The mount namespace of a process, in the kernel's words; nil where that can't be seen.
  private static func namespace(of process: String) -> String? {
    var text = [UInt8](repeating: 0, count: 64)
    let count = readlink("/proc/\(process)/ns/mnt", &text, text.count)
    return count > 0 ? String(decoding: text[..<count], as: UTF8.self) : nil
  }

  private static func name(of process: Int32) -> String {
    // It may have ended.
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
