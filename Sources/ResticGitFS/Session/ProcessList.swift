import Glibc

/// The processes of this machine, as far as this one may see them.
enum ProcessList {
  /// Their numbers. Any of them may have ended.
  static var numbers: [Int32] {
    guard let stream = opendir("/proc") else { return [] }
    defer { closedir(stream) }
    var numbers: [Int32] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if let number = Int32(name) { numbers.append(number) }
    }
    return numbers
  }
}
