import Glibc
import Platform
import SystemPackage

/// The git packfiles of a repository that holds only packs: names and sizes of `*.pack` and `*.idx`.
struct StoredPacks: Hashable, Sendable {
  /// One line for each file: its name, a space and its size in bytes.
  let lines: Set<String>

  init(lines: Set<String>) {
    self.lines = lines
  }

  /// Lists the packs of the repository at `root`; nil if it has loose objects or alternates, or if it cannot be read.
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
    // A folder that cannot be read, for whatever reason, counts as unknown.
    try? FolderNames.list(path).map(\.string)
  }

  private static func size(of path: FilePath) -> Int64? {
    var attributes = stat()
    return path.withPlatformString { lstat($0, &attributes) } == 0 ? Int64(attributes.st_size) : nil
  }
}
