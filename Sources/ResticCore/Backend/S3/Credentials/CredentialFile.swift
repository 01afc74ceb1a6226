internal import Glibc
internal import SystemPackage

/// Small files of the user that hold credentials.
enum CredentialFile {
  /// The size limit of such a file.
  private static let byteLimit = 1 << 20

  /// The content of the file at `path`; nil if there is none. Throws if it cannot be read.
  static func load(_ path: String) async throws(CredentialError) -> [UInt8]? {
    do throws(Errno) {
      // The home folder may be on a network.
      return try await BlockingExecutor(threadCount: 1).run { () throws(Errno) in try loadNow(path) }
    } catch .noSuchFileOrDirectory, .notDirectory {
      return nil
    } catch .fileTooLarge {
      throw CredentialError("\(path) is larger than \(byteLimit) bytes")
    } catch {
      throw CredentialError("\(path) cannot be read: \(error)")
    }
  }

  private static func loadNow(_ path: String) throws(Errno) -> [UInt8] {
    // Opening a fifo would block.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    while true {
      var chunk = [UInt8](repeating: 0, count: 1 << 16)
      let count = read(descriptor, &chunk, chunk.count)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= byteLimit else { throw .fileTooLarge }
    }
  }
}
