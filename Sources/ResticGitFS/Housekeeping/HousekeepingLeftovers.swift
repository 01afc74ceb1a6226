import Glibc
import ResticCore
import SystemPackage

/// What a killed git program has left on a mount: its locks, which would block every later program, and files that it
/// had not put in place.
struct HousekeepingLeftovers {
  private static let positions: [BareRepository.Position] = [
    .root, .references, .objects, .packs, .info, .commitGraphs, .elsewhere,
  ]

  let tree: WorkingTree
  /// The path of the mount.
  let mountpoint: FilePath

  /// The paths of those `creations` that still exist, and of files in the repository at `root` whose names contain the
  /// process `group`. Files that git has put in place are left out.
  func paths(_ creations: [CreationRecord.Creation], of group: pid_t, in root: InodeNumber) -> [FilePath] {
    let (tree, mountpoint) = (tree, mountpoint)
    return tree.read { namespace in
      var all = creations.filter { creation in
        Self.positions.contains { BareRepository.isInFlight(creation.name, isDirectory: false, in: $0) }
      }
      // pack-objects gives finished packfiles this prefix before repack puts them in place.
      let prefix = Array(".tmp-\(group)-".utf8)
      if let objects = namespace.known("objects", in: root), let packs = namespace.known("pack", in: objects),
        case .directory(.loaded(let children))? = namespace.inodes[packs]?.body
      {
        all += children.keys.filter { $0.bytes.starts(with: prefix) }.map { .init(name: $0, directory: packs) }
      }
      return Set(all).compactMap { creation in
        guard namespace.known(creation.name, in: creation.directory) != nil else { return nil }
        return namespace.path(of: creation.name, in: creation.directory).map { mountpoint.appending($0) }
      }.sorted { $0.string < $1.string }
    }
  }
}

extension Namespace {
  /// The inode that `name` has in a loaded directory; nil if the name does not exist or the directory is not loaded.
  fileprivate func known(_ name: Name, in directory: InodeNumber) -> InodeNumber? {
    guard case .directory(.loaded(let children))? = inodes[directory]?.body else { return nil }
    return children[name]
  }

  /// The path from the root; nil if the directory has none.
  fileprivate func path(of name: Name, in directory: InodeNumber) -> [Name]? {
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
    return names.reversed()
  }
}
