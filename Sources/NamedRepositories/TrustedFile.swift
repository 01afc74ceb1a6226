internal import Glibc
internal import MessageText

/// A file that names commands: only this user and root may be able to change it.
enum TrustedFile {
  /// A larger file is refused.
  private static let byteLimit = 1 << 20

  /// Returns the content of the file at `path`; nil if it does not exist. Throws if another user could have written it:
  /// the file and the folders that hold it must belong to this user or root, and nobody else may be able to write them.
  static func load(_ path: String) throws(ConfigurationError) -> [UInt8]? {
    // Opening a FIFO must not block the program.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      guard errno != ENOENT, errno != ENOTDIR else { return nil }
      throw ConfigurationError("\(path) cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { close(descriptor) }
    var attributes = stat()
    guard fstat(descriptor, &attributes) == 0, attributes.st_mode & S_IFMT == S_IFREG else {
      throw ConfigurationError("\(path) is not a regular file")
    }
    try check(attributes, path)
    for folder in folders(of: path) {
      guard stat(folder, &attributes) == 0 else { continue }
      try check(attributes, folder)
    }
    return try read(descriptor, path)
  }

  /// The folder in `path`, and the folder that holds the file after all symbolic links are resolved.
  private static func folders(of path: String) -> [String] {
    var folders = [folder(of: path)]
    if let real = realpath(path, nil) {
      folders.append(folder(of: String(cString: real)))
      free(real)
    }
    return folders
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func check(_ attributes: stat, _ path: String) throws(ConfigurationError) {
    guard attributes.st_uid == geteuid() || attributes.st_uid == 0 else {
      throw ConfigurationError(
        "\(path) belongs to another user, who could name commands in the configuration: `chown` it")
    }
    guard attributes.st_mode & 0o022 == 0 else {
      throw ConfigurationError(
        "\(path) can be written by others, who could name commands in the configuration: `chmod go-w \(ShellWord(path))`"
      )
    }
  }

  private static func read(_ descriptor: Int32, _ path: String) throws(ConfigurationError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteLimit + 1)
    var count = 0
    while count < bytes.count {
      let added = bytes.withUnsafeMutableBytes { memory in
        let rest = UnsafeMutableRawBufferPointer(rebasing: memory[count...])
        return Glibc.read(descriptor, rest.baseAddress, rest.count)
      }
      if added < 0, errno == EINTR { continue }
      guard added >= 0 else { throw ConfigurationError("\(path) cannot be read: \(String(cString: strerror(errno)))") }
      guard added > 0 else { return Array(bytes[..<count]) }
      count += added
    }
    throw ConfigurationError("\(path) has more than \(byteLimit) bytes, which is too much for a configuration")
  }
}
