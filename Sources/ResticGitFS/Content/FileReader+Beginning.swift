import ResticCore
import SystemPackage

extension FileReader {
  /// The first `byteCount` bytes of a regular file, or all of fewer. The file is open meanwhile, so that a refresh leaves it alone.
  func beginning(of file: InodeNumber, limit byteCount: UInt64) throws(Errno) -> [UInt8] {
    try tree.bookkeep("read") { namespace throws(NamespaceError) in
      try namespace.open(file, forWriting: false)
    }
    defer { tree.bookkeep { $0.release(file, forWriting: false) } }
    return Array(try bytes(of: file, in: 0..<byteCount))
  }
}
