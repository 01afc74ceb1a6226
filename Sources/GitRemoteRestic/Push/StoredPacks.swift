import Glibc
import Platform
import SystemPackage

/// The packs of a repository that holds nothing but packs: names and sizes of `*.pack` and `*.idx`.
struct StoredPacks: Hashable, Sendable {
  /// Each a name, a space and a size in bytes.
  let lines: Set<String>

  init(lines: Set<String>) {
    self.lines = lines
  }

  /// Those of the repository at `root`; nil where it has loose objects or alternates, or can't be read.
  init?(in root: FilePath) {
    let objects = root.appending("objects")
    guard let folders = Self.names(in: objects), !folders.contains(where: { $0.utf8.count == 2 }),
      Self.size(of: objects.appending("info/alternates")) == nil,
      let files = Self.names(in: objects.appending("pack"))
    else { return nil }
    var lines: Set<String> = []
    for name in files where name.hasSuffix(".pack") || name.hasSuffix(".idx") {
      guard let size = Self.size(of: objects.appending("pack").appending(name)) else { return nil }
      lines.insert("\(name) \(size)")
    }
    self.lines = lines
  }

  private static func names(in path: FilePath) -> [String]? {
    // What can't be read is not known, whatever the reason.
    try? FolderNames.list(path).map(\.string)
  }

  private static func size(of path: FilePath) -> Int64? {
    var attributes = stat()
    return path.withPlatformString { lstat($0, &attributes) } == 0 ? Int64(attributes.st_size) : nil
  }
}
