import ResticCore
import SystemPackage

@testable import ResticGitFS

/// The naive model of a tree: whole contents, no sharing, no laziness. The model refuses the changes that POSIX refuses.
struct ReferenceTree: Equatable {
  /// An inode.
  struct File: Equatable {
    var type: NodeType
    var permissions: UInt32
    var owner: FileOwner
    var linkCount: UInt32 = 1
    var bytes: [UInt8] = []
    var children: [Name: InodeNumber] = [:]
    var extendedAttributes: [Name: [UInt8]] = [:]
  }

  var files: [InodeNumber: File] = [
    Namespace.root: File(type: .dir, permissions: 0, owner: FileOwner(userID: 0, groupID: 0))
  ]
  private var next = Namespace.root + 1

  /// Makes `change`, or throws the error that the program gets.
  mutating func apply(_ change: TreeChange) throws(Errno) {
    switch change {
    case .create(let new, let name, let directory):
      try requireFree(name, in: directory)
      files[next] = File(type: new.type, permissions: new.permissions, owner: new.owner.id)
      files[directory]?.children[name] = next
      next += 1
    case .link(let inode, let name, let directory):
      guard let file = files[inode] else { throw .staleNFSFileHandle }
      guard file.type != .dir else { throw .notPermitted }
      try requireFree(name, in: directory)
      files[inode]?.linkCount += 1
      files[directory]?.children[name] = inode
    case .unlink(let name, let directory):
      let inode = try child(name, of: directory)
      guard files[inode]?.type != .dir else { throw .isDirectory }
      remove(name, of: directory)
    case .removeDirectory(let name, let directory):
      let inode = try child(name, of: directory)
      guard try children(of: inode).isEmpty else { throw .directoryNotEmpty }
      remove(name, of: directory)
    case .rename(let name, let directory, let newName, let newDirectory, let mode):
      try rename(name, directory, newName, newDirectory, mode)
    case .write(let bytes, let inode, let offset):
      try edit(inode) { file in
        Self.extend(&file.bytes, to: Int(offset) + bytes.count, onlyIf: bytes.count > 0 || offset > file.bytes.count)
        file.bytes.replaceSubrange(Int(offset)..<Int(offset) + bytes.count, with: [UInt8].count(bytes.count))
      }
    case .allocate(let range, let inode, let zeroes, let extends):
      try edit(inode) { file in
        if zeroes { for index in range where index < file.bytes.count { file.bytes[Int(index)] = 0 } }
        if extends { Self.extend(&file.bytes, to: Int(range.upperBound)) }
      }
    case .setAttributes(let changes, let inode):
      guard files[inode] != nil else { throw .staleNFSFileHandle }
      if let byteCount = changes.byteCount {
        try edit(inode) { file in
          file.bytes = Array(file.bytes.prefix(Int(byteCount)))
          Self.extend(&file.bytes, to: Int(byteCount))
        }
      }
      if let mode = changes.mode { files[inode]?.permissions = mode }
      if let owner = changes.owner { files[inode]?.owner = owner.id }
    case .setExtendedAttribute(let name, let inode, let value, let mode):
      guard let file = files[inode] else { throw .staleNFSFileHandle }
      if mode == .create, file.extendedAttributes[name] != nil { throw .fileExists }
      if mode == .replace, file.extendedAttributes[name] == nil { throw .noData }
      files[inode]?.extendedAttributes[name] = value
    case .removeExtendedAttribute(let name, let inode):
      guard let file = files[inode] else { throw .staleNFSFileHandle }
      guard file.extendedAttributes[name] != nil else { throw .noData }
      files[inode]?.extendedAttributes[name] = nil
    }
  }

  private mutating func rename(
    _ name: Name, _ directory: InodeNumber, _ newName: Name, _ newDirectory: InodeNumber, _ mode: TreeChange.RenameMode
  ) throws(Errno) {
    let source = try child(name, of: directory)
    let target = try children(of: newDirectory)[newName]
    guard !isAbove(source, newDirectory) else { throw .invalidArgument }
    switch (mode, target) {
    case (.exchange, nil): throw .noSuchFileOrDirectory
    case (.exchange, let target?):
      guard !isAbove(target, directory) else { throw .invalidArgument }
      files[directory]?.children[name] = target
      files[newDirectory]?.children[newName] = source
    case (.refuse, _?): throw .fileExists
    case (.replace, source?): return
    case (.replace, let target?):
      switch (files[source]?.type == .dir, files[target]?.type == .dir) {
      case (true, false): throw .notDirectory
      case (false, true): throw .isDirectory
      case (true, true): guard files[target]?.children.isEmpty == true else { throw .directoryNotEmpty }
      case (false, false): break
      }
      remove(newName, of: newDirectory)
      fallthrough
    case (.replace, nil), (.refuse, nil):
      files[directory]?.children[name] = nil
      files[newDirectory]?.children[newName] = source
    }
  }

  private mutating func remove(_ name: Name, of directory: InodeNumber) {
    guard let inode = files[directory]?.children.removeValue(forKey: name) else { return }
    files[inode]?.linkCount -= 1
    if files[inode]?.linkCount == 0 { files[inode] = nil }
  }

  private mutating func edit(_ inode: InodeNumber, _ body: (inout File) -> Void) throws(Errno) {
    guard var file = files[inode] else { throw .staleNFSFileHandle }
    guard file.type != .dir else { throw .isDirectory }
    guard file.type == .file else { throw .invalidArgument }
    body(&file)
    files[inode] = file
  }

  private static func extend(_ bytes: inout [UInt8], to count: Int, onlyIf isWanted: Bool = true) {
    if isWanted, count > bytes.count { bytes += [UInt8](repeating: 0, count: count - bytes.count) }
  }

  private func requireFree(_ name: Name, in directory: InodeNumber) throws(Errno) {
    if try children(of: directory)[name] != nil { throw .fileExists }
  }

  private func children(of directory: InodeNumber) throws(Errno) -> [Name: InodeNumber] {
    guard let file = files[directory] else { throw .staleNFSFileHandle }
    guard file.type == .dir else { throw .notDirectory }
    return file.children
  }

  private func child(_ name: Name, of directory: InodeNumber) throws(Errno) -> InodeNumber {
    guard let inode = try children(of: directory)[name] else { throw .noSuchFileOrDirectory }
    return inode
  }

  private func isAbove(_ inode: InodeNumber, _ directory: InodeNumber) -> Bool {
    if inode == directory { return true }
    return (files[inode]?.children.values).map { $0.contains { isAbove($0, directory) } } ?? false
  }
}
