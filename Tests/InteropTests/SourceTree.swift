import Glibc
import ResticTestSupport
import SystemPackage

@testable import ResticCore

/// A folder with all that a backup can meet: odd names, links, times to the nanosecond, attributes, sizes around chunks.
struct SourceTree {
  let path: FilePath

  /// Names that are hard to write in JSON, or to sort.
  static let oddNames: [[UInt8]] = [
    Array("plain".utf8), Array("with space".utf8), Array("<&>".utf8), Array("quote\"back\\slash".utf8),
    Array("tab\tnewline\n".utf8), Array("é".utf8), Array("e\u{301}".utf8), Array("日本語".utf8), Array("😀".utf8),
    Array("\u{200b}\u{2028}\u{2029}\u{feff}".utf8), [0x01, 0x07, 0x1B, 0x7F], [0xFF], [0x61, 0xFF, 0x62], [0xC3],
    [0xED, 0xA0, 0x80],
    Array("-dash".utf8), Array(".hidden".utf8), Array("...".utf8), [UInt8](repeating: UInt8(ascii: "n"), count: 255),
    Array("%s".utf8), Array("*?[".utf8),
  ]

  /// The folder `path`, filled. `largeByteCount` bytes of noise go into one file.
  init(at path: FilePath, largeByteCount: Int = 0) throws {
    self.path = path
    try Self.makeFolder(path, mode: 0o755)
    try fillSmall()
    try fillOdd()
    try fillSizes(largeByteCount)
  }

  private func fillSmall() throws {
    for folder in 0..<10 {
      let folderPath = path.appending("small-\(folder)")
      try Self.makeFolder(folderPath, mode: 0o700 + UInt32(folder % 8))
      for file in 0..<30 {
        try Self.write(
          Array("file \(file) of \(folder)\n".utf8), to: folderPath.appending("f\(file)"),
          mode: file % 2 == 0 ? 0o644 : 0o600)
      }
    }
    try Self.makeFolder(path.appending("empty folder"), mode: 0o1777)
    var deep = path.appending("deep")
    for _ in 0..<20 {
      try Self.makeFolder(deep, mode: 0o755)
      deep.append("d")
    }
  }

  private func fillOdd() throws {
    let odd = path.appending("odd")
    try Self.makeFolder(odd, mode: 0o755)
    for (number, name) in Self.oddNames.enumerated() {
      let file = Self.appending(odd, name)
      try Self.write(name, to: file, mode: 0o644)
      // Nanoseconds with and without trailing zeros, and years before 1970.
      try Self.setTime(file, seconds: Int64(number - 3) * 100_000_000, nanoseconds: number * 47_619_047 % 1_000_000_000)
    }
    try Self.setTime(Self.appending(odd, Array("plain".utf8)), seconds: 1_600_000_000, nanoseconds: 120_000_000)

    let links = path.appending("links")
    try Self.makeFolder(links, mode: 0o755)
    try Self.write([1, 2, 3], to: links.appending("first name"), mode: 0o644)
    try Self.check(link(links.appending("first name").string, links.appending("second name").string))
    for (number, target) in [
      "first name", "/nowhere/at all", "../odd/é", "<&>\"\\", String(repeating: "x", count: 4000),
    ].enumerated() {
      try Self.check(symlink(target, links.appending("link \(number)").string))
    }
    try Self.check(mkfifo(path.appending("fifo").string, 0o640))
    try Self.write([4], to: path.appending("setuid"), mode: 0o4755)
    try Self.write([5], to: path.appending("setgid"), mode: 0o2755)

    let attributes = path.appending("attributes")
    try Self.write([6], to: attributes, mode: 0o644)
    for (name, value) in [("user.text", Array("value".utf8)), ("user.empty", []), ("user.bytes", [0, 255, 128, 10])] {
      try FileAttributes.set(name, value, of: attributes)
    }
    try FileAttributes.set("user.folder", [1], of: links)
  }

  private func fillSizes(_ largeByteCount: Int) throws {
    let sizes = path.appending("sizes")
    try Self.makeFolder(sizes, mode: 0o755)
    let minimum = Chunker.minimumByteCount
    for byteCount in [0, 1, minimum - 1, minimum, minimum + 1, 3 << 20] {
      var random = SplitMix64(seed: UInt64(byteCount))
      try Self.write(random.bytes(byteCount), to: sizes.appending("\(byteCount)"), mode: 0o644)
    }
    try Self.write([UInt8](repeating: 0, count: 9 << 20), to: sizes.appending("zeros"), mode: 0o644)
    let text = Array("The quick brown fox jumps over the lazy dog. ".utf8)
    try Self.write((0..<40_000).flatMap { _ in text }, to: sizes.appending("text"), mode: 0o644)
    if largeByteCount > 0 {
      var random = SplitMix64(seed: 100)
      try Self.write(random.bytes(largeByteCount), to: sizes.appending("large"), mode: 0o644)
    }
  }

  // MARK: The system's calls

  /// `path` with one more component, which may be any bytes.
  static func appending(_ path: FilePath, _ name: [UInt8]) -> FilePath {
    let bytes = path.withPlatformString { start in (0..<strlen(start)).map { start[$0] } }
    let slash = CChar(bitPattern: UInt8(ascii: "/"))
    return FilePath(platformString: bytes + [slash] + name.map(CChar.init(bitPattern:)) + [0])
  }

  static func check(_ result: CInt) throws {
    if result != 0 { throw Errno(rawValue: errno) }
  }

  static func makeFolder(_ path: FilePath, mode: UInt32) throws {
    try check(path.withPlatformString { mkdir($0, mode) })
    try check(path.withPlatformString { chmod($0, mode) })
  }

  static func write(_ bytes: [UInt8], to path: FilePath, mode: UInt32) throws {
    let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    try file.closeAfter { _ = try file.writeAll(bytes) }
    try check(path.withPlatformString { chmod($0, mode) })
  }

  static func read(_ path: FilePath) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly)
    return try file.closeAfter {
      let byteCount = Int(try status(path).st_size)
      return try [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
        while count < byteCount {
          let more = try file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]))
          if more == 0 { return }
          count += more
        }
      }
    }
  }

  static func setTime(_ path: FilePath, seconds: Int64, nanoseconds: Int) throws {
    let time = timespec(tv_sec: Int(seconds), tv_nsec: nanoseconds)
    try check(path.withPlatformString { utimensat(AT_FDCWD, $0, [time, time], AT_SYMLINK_NOFOLLOW) })
  }

  static func status(_ path: FilePath) throws -> stat {
    var status = stat()
    try check(path.withPlatformString { lstat($0, &status) })
    return status
  }

  static func linkTarget(_ path: FilePath) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 5000)
    let count = path.withPlatformString { path in
      buffer.withUnsafeMutableBytes { buffer in
        buffer.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, buffer.count) } ?? -1
      }
    }
    guard count >= 0 else { throw Errno(rawValue: errno) }
    return Array(buffer.prefix(count))
  }

  /// The entries of a folder, sorted by their bytes.
  static func names(in path: FilePath) throws -> [Name] {
    guard let folder = path.withPlatformString({ opendir($0) }) else { throw Errno(rawValue: errno) }
    defer { closedir(folder) }
    var names: [Name] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Name(Array($0.prefix { $0 != 0 })) }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Go's os.FileMode for a `st_mode`.
  static func goMode(_ mode: UInt32) -> UInt32 {
    var go = mode & 0o777
    switch mode & S_IFMT {
    case S_IFDIR: go |= 1 << 31
    case S_IFLNK: go |= 1 << 27
    case S_IFIFO: go |= 1 << 25
    default: break
    }
    if mode & S_ISUID != 0 { go |= 1 << 23 }
    if mode & S_ISGID != 0 { go |= 1 << 22 }
    if mode & S_ISVTX != 0 { go |= 1 << 20 }
    return go
  }

  static func type(_ mode: UInt32) -> NodeType {
    switch mode & S_IFMT {
    case S_IFDIR: .dir
    case S_IFLNK: .symlink
    case S_IFIFO: .fifo
    default: .file
    }
  }
}
