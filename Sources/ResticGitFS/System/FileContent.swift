import SystemPackage

/// Reads small files whole: tables of the kernel, session, password and location files.
enum FileContent {
  /// All bytes of the file at `path`.
  static func load(_ path: FilePath) throws(Errno) -> [UInt8] {
    let descriptor = try Errno.only { try FileDescriptor.open(path, .readOnly, options: .closeOnExec) }
    // The file was only read.
    defer { try? descriptor.close() }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = try Errno.only { try chunk.withUnsafeMutableBytes { try descriptor.read(into: $0) } }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// All bytes of the open file `descriptor`, from its beginning; does not move its position.
  static func load(_ descriptor: FileDescriptor) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let offset = Int64(bytes.count)
      let count = try Errno.only {
        try chunk.withUnsafeMutableBytes { try descriptor.read(fromAbsoluteOffset: offset, into: $0) }
      }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }
}
