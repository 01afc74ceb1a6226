import ResticCore
import SystemPackage

/// Where on a mount bare git repositories are: at the root, or in the folders that lie nearest to it.
struct HousekeepingPlaces {
  /// A bare repository.
  struct Place: Sendable {
    /// From the mount's root.
    let path: [Name]
    let root: InodeNumber

    /// The folder, for a message; empty: the mount's root.
    var name: String { path.map(\.description).joined(separator: "/") }
  }

  /// How many folders are looked into: a backup of a repository lies a few folders deep (`/srv/git/p.git`).
  private static let searchLimit = 40
  /// How many repositories are put in order.
  private static let countLimit = 16

  /// What a search came to.
  struct Search: Sendable {
    var places: [Place] = []
    /// That there may be more of them, in words; nil where everything was searched.
    var bound: String?
  }

  /// The repository in `folder`, or, where there is none given, those that are found. What is not in memory is loaded unless
  /// only what is `known` is asked for.
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
      // What has a `.git` is a work tree: that is its user's.
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
