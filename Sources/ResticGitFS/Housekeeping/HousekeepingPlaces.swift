import ResticCore
import SystemPackage

/// Where a mount has bare git repositories.
struct HousekeepingPlaces {
  /// A bare repository.
  struct Place: Sendable {
    /// The path from the mount's root.
    let path: [Name]
    let root: InodeNumber

    /// The folder's path, for a message; empty: the mount's root.
    var name: String { path.map(\.description).joined(separator: "/") }

    /// The same as it is written, if it is UTF-8.
    var text: String {
      path.map { String(validating: $0.bytes, as: UTF8.self) ?? $0.description }.joined(separator: "/")
    }
  }

  /// How many folders near the root are searched without a request: a backup of a repository lies a few folders deep
  /// (`/srv/git/p.git`).
  static let nearLimit = 40
  /// How many folders are searched on request, or in memory.
  private static let searchLimit = 10_000

  /// The result of a search.
  struct Search: Sendable {
    var places: [Place] = []
    /// A text that says that there may be more repositories; nil if everything was searched.
    var bound: String?
  }

  /// The repositories in memory, or only the one in `folder`. Reads nothing from the storage.
  static func known(on tree: WorkingTree, in folder: [Name]?) throws(Errno) -> [Place] {
    try find(on: tree, in: folder, known: true, limit: searchLimit).places
  }

  /// The repositories nearest to the root, or only the one in `folder`. Loads what is not in memory.
  static func near(on tree: WorkingTree, in folder: [Name]?) throws(Errno) -> Search {
    try find(on: tree, in: folder, known: false, limit: nearLimit)
  }

  /// All repositories, or only the one in `folder`. Loads what is not in memory.
  static func all(on tree: WorkingTree, in folder: [Name]?) throws(Errno) -> Search {
    try find(on: tree, in: folder, known: false, limit: searchLimit)
  }

  /// The repositories in the next `limit` folders after the folder `last`, in the order of their paths; nil: from the
  /// root on. Also returns the last folder that was searched; nil after the end.
  static func next(
    on tree: WorkingTree, after last: [Name]?, limit: Int
  ) throws(Errno) -> (places: [Place], last: [Name]?) {
    var walk = Walk(tree: tree, left: limit)
    let isEnd = try walk.visit(Place(path: [], root: Namespace.root), after: last?[...])
    return (walk.found, isEnd ? nil : walk.last)
  }

  /// A search in the order of paths, a folder before what is in it.
  private struct Walk {
    let tree: WorkingTree
    /// How many more folders may be searched.
    var left: Int
    var found: [Place] = []
    var last: [Name] = []

    /// Searches `place` and everything in it, or only what comes after the path `last` from there. Returns false if
    /// the limit ended the search.
    mutating func visit(_ place: Place, after last: ArraySlice<Name>?) throws(Errno) -> Bool {
      if last == nil {
        guard left > 0 else { return false }
        left -= 1
        self.last = place.path
      }
      let names = try entries(of: place.root, tree, false)
      if names[".git"] != nil { return true }
      if BareRepository.isRepository({ names[$0] != nil }) {
        if last == nil { found.append(place) }
        return true
      }
      for (name, number) in names.sorted(by: { $0.key < $1.key }) where try isDirectory(number, tree) {
        let child = Place(path: place.path + [name], root: number)
        guard let first = last?.first, name <= first else {
          guard try visit(child, after: nil) else { return false }
          continue
        }
        // What is before was searched already.
        if name == first, try !visit(child, after: last?.dropFirst()) { return false }
      }
      return true
    }
  }

  private static func find(
    on tree: WorkingTree, in folder: [Name]?, known: Bool, limit: Int
  ) throws(Errno) -> Search {
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
    var index = 0
    while index < open.count, index < limit {
      let place = open[index]
      index += 1
      let names = try entries(of: place.root, tree, known)
      // A folder with a `.git` is a work tree, which its user maintains.
      if names[".git"] != nil { continue }
      if BareRepository.isRepository({ names[$0] != nil }) {
        found.append(place)
        continue
      }
      for (name, number) in names.sorted(by: { $0.key < $1.key }) where try isDirectory(number, tree) {
        open.append(Place(path: place.path + [name], root: number))
      }
    }
    let bound = "not everything was searched: a search ends after \(limit) folders"
    return Search(places: found, bound: index < open.count ? bound : nil)
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
