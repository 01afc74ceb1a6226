import Glibc
import ResticCore
import StoredPointers
import SystemPackage

/// The files of a mount, read from its tree: the process that serves a mount never asks the kernel for them.
///
/// All calls block; make them on a thread that serves no request.
struct TreeFiles: StoredFiles {
  /// Reads the mount's files.
  let files: FileReader
  /// What the paths of the mount's files begin with.
  let mountpoint: FilePath

  func content(of path: FilePath, limit: Int) throws(Errno) -> [UInt8] {
    let file = try inode(at: path)
    let type = try files.tree.read("inspect") { namespace throws(NamespaceError) in try namespace.inode(file).node.type
    }
    guard type == .file else { throw type == .dir ? .isDirectory : .tooManySymbolicLinkLevels }
    return try files.beginning(of: file, limit: UInt64(limit) + 1)
  }

  func names(in path: FilePath, limit: Int) throws(Errno) -> [FilePath.Component] {
    let directory = try inode(at: path)
    let names = try files.tree.read("inspect") { namespace throws(NamespaceError) -> [Name]? in
      guard try namespace.inode(directory).isDirectory else { return nil }
      return try namespace.children(of: directory).keys.sorted()
    }
    guard let names else { throw .notDirectory }
    return names.prefix(limit + 1).compactMap { name in
      (name.bytes + [0]).withUnsafeBytes { bytes in
        bytes.assumingMemoryBound(to: CChar.self).baseAddress.flatMap { FilePath.Component(platformString: $0) }
      }
    }
  }

  private func inode(at path: FilePath) throws(Errno) -> InodeNumber {
    var rest = path
    guard rest.removePrefix(mountpoint) else { throw .noSuchFileOrDirectory }
    var number = Namespace.root
    for component in rest.components {
      let name = component.withPlatformString { Name(Array(UnsafeRawBufferPointer(start: $0, count: strlen($0)))) }
      let next = try files.tree.read("inspect") { [number] namespace throws(NamespaceError) -> InodeNumber? in
        guard try namespace.inode(number).isDirectory else { return nil }
        return try namespace.children(of: number)[name]
      }
      guard let next else { throw .noSuchFileOrDirectory }
      number = next
    }
    return number
  }
}
