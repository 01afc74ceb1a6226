import ResticCore
import SystemPackage

/// The one place that decides what is served (`ServingRules`).
extension GitFileSystem {
  /// Throws EPERM for an inode that is not served, and records why.
  func requireServed(
    _ number: InodeNumber, as name: Name, in directory: InodeNumber, _ namespace: borrowing Namespace
  ) throws(NamespaceError) {
    try requireRoom(namespace)
    guard rules.servesRegularFilesOnly else { return }
    let type = try namespace.inode(number).node.type
    guard type != .file, type != .dir else { return }
    refusals.note("\(namespace.path(of: name, in: directory)) is \(type.words); \(RefusalRecord.wayOut)")
    throw .refused(.notPermitted)
  }

  /// Throws EPERM if more inodes are in memory than the rules allow, and records that.
  func requireRoom(_ namespace: borrowing Namespace) throws(NamespaceError) {
    if let errno = inodeLimit.refusal(of: namespace) { throw .refused(errno) }
  }

  /// Whether only a lookup decides whether and how an entry of a directory is shown.
  func isSpecial(
    _ number: InodeNumber, as name: Name, in directory: InodeNumber, _ namespace: borrowing Namespace
  ) -> Bool {
    if rules.servesRegularFilesOnly, let type = namespace.inodes[number]?.node.type, type != .file, type != .dir {
      return true
    }
    // A listed directory is loaded.
    return (try? isConfiguration(name, in: directory, namespace)) ?? false
  }
}

extension RefusalRecord {
  /// What to do about a file that is not served.
  static let wayOut = "mount the repository (`restic-gitfs mount`) and correct it there"
}

extension NodeType {
  /// The type in words, for a message.
  fileprivate var words: String {
    switch self {
    case .file: "a regular file"
    case .dir: "a directory"
    case .symlink: "a symbolic link, which git would follow out of the repository"
    case .dev: "a block device"
    case .chardev: "a character device"
    case .fifo: "a fifo"
    case .socket: "a socket"
    case .other: "of an unknown type"
    }
  }
}

extension Namespace {
  /// The path of `name` in a directory, from the root, for a message.
  func path(of name: Name, in directory: InodeNumber) -> String {
    var names = [name]
    var current = directory
    while current != Self.root, let parent = inodes[current]?.parent, parent != 0, names.count < 64,
      case .directory(.loaded(let children))? = inodes[parent]?.body,
      let name = children.first(where: { $0.value == current })?.key
    {
      names.append(name)
      current = parent
    }
    return names.reversed().map(\.description).joined(separator: "/")
  }
}
