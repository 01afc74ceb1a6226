import ResticCore

/// Swift source of the change, for traces and for failures of the model tests. Of bytes only the number is shown: the
/// reader defines `count`.
extension TreeChange: CustomStringConvertible {
  var description: String {
    switch self {
    case .create(let new, let name, let directory): ".create(\(new.source), as: \(name.source), in: \(directory))"
    case .link(let inode, let name, let directory): ".link(\(inode), as: \(name.source), in: \(directory))"
    case .unlink(let name, let directory): ".unlink(\(name.source), in: \(directory))"
    case .removeDirectory(let name, let directory): ".removeDirectory(\(name.source), in: \(directory))"
    case .rename(let name, let directory, let newName, let newDirectory, let mode):
      ".rename(\(name.source), in: \(directory), to: \(newName.source), newDirectory: \(newDirectory), .\(mode))"
    case .write(let bytes, let inode, let offset): ".write(.count(\(bytes.count)), to: \(inode), offset: \(offset))"
    case .allocate(let range, let inode, let zeroes, let extends):
      ".allocate(\(range.lowerBound)..<\(range.upperBound), of: \(inode), zeroes: \(zeroes), extends: \(extends))"
    case .setAttributes(let changes, let inode): ".setAttributes(\(changes.source), of: \(inode))"
    case .setExtendedAttribute(let name, let inode, let value, let mode):
      ".setExtendedAttribute(\(name.source), of: \(inode), to: .count(\(value.count)), .\(mode))"
    case .removeExtendedAttribute(let name, let inode): ".removeExtendedAttribute(\(name.source), of: \(inode))"
    }
  }
}

extension Name {
  /// A Swift expression of the name.
  fileprivate var source: String {
    String(validating: bytes, as: UTF8.self)?.debugDescription ?? "Name(\(bytes))"
  }
}

extension FileOwner {
  fileprivate var source: String { "FileOwner(userID: \(userID), groupID: \(groupID))" }
}

extension NamedOwner {
  fileprivate var source: String {
    "NamedOwner(id: \(id.source), user: \(user.debugDescription), group: \(group.debugDescription))"
  }
}

extension NewInode {
  fileprivate var source: String {
    let octal = "0o" + String(permissions, radix: 8)
    var source = "NewInode(type: .\(type), permissions: \(octal), owner: \(owner.source)"
    if device != 0 { source += ", device: \(device)" }
    if !linkTarget.isEmpty { source += ", linkTarget: \(linkTarget)" }
    return source + ")"
  }
}

extension AttributeChanges {
  fileprivate var source: String {
    let fields: [(String, String?)] = [
      ("mode", mode.map { "0o" + String($0, radix: 8) }),
      ("owner", owner?.source),
      ("byteCount", byteCount.map(String.init)),
      ("accessTime", accessTime?.source),
      ("modificationTime", modificationTime?.source),
      ("changeTime", changeTime?.source),
    ]
    let given = fields.compactMap { name, value in value.map { "\(name): \($0)" } }
    return "AttributeChanges(\(given.joined(separator: ", ")))"
  }
}

extension Timestamp {
  fileprivate var source: String { "Timestamp(seconds: \(seconds), nanoseconds: \(nanoseconds))" }
}
