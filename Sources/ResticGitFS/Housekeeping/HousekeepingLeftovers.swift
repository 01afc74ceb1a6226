import Glibc
import ResticCore

/// What a program of git's has left on a mount when it was killed: its locks, which would stop the next one for ever, and files
/// that it had not put in place.
struct HousekeepingLeftovers {
  private static let positions: [BareRepository.Position] = [
    .root, .references, .objects, .packs, .info, .commitGraphs, .elsewhere,
  ]

  let tree: WorkingTree
  /// Where the mount is.
  let mountpoint: String

  /// The paths of what is still there of `creations`, and of what the process `group` has given a name of its own in the
  /// repository at `root`. All that it has put in place is left out.
  func paths(_ creations: [CreationRecord.Creation], of group: pid_t, in root: InodeNumber) -> [String] {
    let (tree, mountpoint) = (tree, mountpoint)
    return tree.read { namespace in
      var all = creations.filter { creation in
        Self.positions.contains { BareRepository.isInFlight(creation.name, isDirectory: false, in: $0) }
      }
      // pack-objects names finished packfiles so before repack puts them in place.
      let prefix = Array(".tmp-\(group)-".utf8)
      if let objects = namespace.known("objects", in: root), let packs = namespace.known("pack", in: objects),
        case .directory(.loaded(let children))? = namespace.inodes[packs]?.body
      {
        all += children.keys.filter { $0.bytes.starts(with: prefix) }.map { .init(name: $0, directory: packs) }
      }
      return Set(all).compactMap { creation in
        guard namespace.known(creation.name, in: creation.directory) != nil,
          let path = namespace.textPath(of: creation.name, in: creation.directory)
        else { return nil }
        return "\(mountpoint)/\(path)"
      }.sorted()
    }
  }
}

extension Namespace {
  /// What `name` leads to in a directory that is loaded; nil where there is no such name or directory.
  fileprivate func known(_ name: Name, in directory: InodeNumber) -> InodeNumber? {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return nil }
    return children[name]
  }

  /// The path from the root; nil where a name in it is no UTF-8, or where the directory has none.
  fileprivate func textPath(of name: Name, in directory: InodeNumber) -> String? {
    var names = [name]
    var current = directory
    while current != Self.root {
      guard let parent = inodes[current]?.parent, parent != 0, names.count < 128,
        case .directory(.loaded(let children))? = inodes[parent]?.body,
        let name = children.first(where: { $0.value == current })?.key
      else { return nil }
      names.append(name)
      current = parent
    }
    var texts: [String] = []
    for name in names.reversed() {
      guard let text = String(validating: name.bytes, as: UTF8.self) else { return nil }
      texts.append(text)
    }
    return texts.joined(separator: "/")
  }
}
