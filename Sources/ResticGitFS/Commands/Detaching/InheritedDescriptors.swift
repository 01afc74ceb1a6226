import Glibc

/// The descriptors that a process was started with.
enum InheritedDescriptors {
  /// All but the standard three. Right only before anything has been opened: called first of all.
  static func list() -> [Int32] {
    guard let stream = opendir("/proc/self/fd") else { return [] }
    defer { closedir(stream) }
    var descriptors: [Int32] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard let descriptor = Int32(name), descriptor > 2, descriptor != dirfd(stream) else { continue }
      descriptors.append(descriptor)
    }
    return descriptors
  }
}
