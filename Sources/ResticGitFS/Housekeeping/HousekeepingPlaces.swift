import ResticCore
import SystemPackage

/// Where a mount has bare git repositories: at the root, or in the folders nearest to the root.
struct HousekeepingPlaces {
  /// A bare repository.
  struct Place: Sendable {
    /// The path from the mount's root.
    let path: [Name]
    let root: InodeNumber

    /// The folder's path, for a message; empty: the mount's root.
    var name: String { path.map(\.description).joined(separator: "/") }
  }

  /// The maximum number of folders to search: a backup of a repository lies a few folders deep (`/srv/git/p.git`).
  private static let searchLimit = 40
  /// The maximum number of repositories to maintain.
  private static let countLimit = 16

  /// The result of a search.
  struct Search: Sendable {
    var places: [Place] = []
    /// A text that says that there may be more repositories; nil if everything was searched.
    var bound: String?
  }

  /// Returns the repository in `folder`, or, if that is nil, those that a search finds. Loads what is not in memory,
  /// unless only what is `known` is wanted.
  static func find(on tree: WorkingTree, in folder: [Name]?, known: Bool) throws(Errno) -> Search {
    if let folder {
      var root = Namespace.root
      for name in folder {
        guard let next = try entries(of: root, tree, known)[name] else { return Search() }
        root = next
      }
      return Search(places: try isRepository(root, tree, known) ? [Place(path: folder, root: root)] : [])
    }
    var found: [Place] = []
    var open = [Place(path: [], root: Namespace.root)]
    for _ in 0..<searchLimit where !open.isEmpty && found.count < countLimit {
      let place = open.removeFirst()
      let names = try entries(of: place.root, tree, known)
      // A folder with a `.git` is a work tree, which its user maintains.
      if names[".git"] != nil { continue }
      if try isRepository(place.root, tree, known) {
        found.append(place)
        continue
      }
      for (name, number) in names.sorted(by: { $0.key < $1.key }) where try isDirectory(number, tree) {
        open.append(Place(path: place.path + [name], root: number))
      }
    }
    let bound =
      "not everything was searched: a search ends after \(countLimit) repositories, or \(searchLimit) folders"
    return Search(places: found, bound: open.isEmpty ? nil : bound)
  }

  private static func isRepository(_ folder: InodeNumber, _ tree: WorkingTree, _ known: Bool) throws(Errno) -> Bool {
    let names = try entries(of: folder, tree, known)
    return BareRepository.isRepository { names[$0] != nil }
  }

  private static func entries(
    of folder: InodeNumber, _ tree: WorkingTree, _ known: Bool
  ) throws(Errno) -> [Name: InodeNumber] {
    if known {
      return tree.read { namespace in
        guard case .directory(.loaded(let children))? = namespace.inodes[folder]?.body else { return [:] }
        return children
      }
    }
    guard try isDirectory(folder, tree) else { return [:] }
    return try tree.read("maintain") { namespace throws(NamespaceError) in try namespace.children(of: folder) }
  }

  private static func isDirectory(_ number: InodeNumber, _ tree: WorkingTree) throws(Errno) -> Bool {
    tree.read { $0.inodes[number]?.isDirectory ?? false }
  }
}
