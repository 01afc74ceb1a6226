internal import Glibc
public import SystemPackage

/// The names in a folder.
public enum FolderNames {
  /// The names in the folder `path` without `.` and `..`, unordered: all of them, or `limit` + 1 of them if there are
  /// more.
  public static func list(_ path: FilePath, limit: Int = .max) throws(Errno) -> [FilePath.Component] {
    guard let stream = path.withPlatformString({ opendir($0) }) else { throw Errno(rawValue: errno) }
    defer { closedir(stream) }
    var names: [FilePath.Component] = []
    while names.count <= limit {
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw Errno(rawValue: errno) }
        break
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        bytes.baseAddress.flatMap { FilePath.Component(platformString: $0.assumingMemoryBound(to: CChar.self)) }
      }
      if let name, name.kind == .regular { names.append(name) }
    }
    return names
  }
}
