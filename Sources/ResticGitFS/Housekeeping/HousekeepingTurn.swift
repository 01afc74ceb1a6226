import ResticCore
import SystemPackage

/// Which repositories of a mount have their turn in a run that nobody has requested. A run is short: it searches some
/// folders and maintains some repositories, and the next run goes on from there, so that every repository has its turn.
struct HousekeepingTurn: Sendable {
  /// The maximum number of repositories that one run maintains.
  static let countLimit = 16
  /// How many folders one run searches beyond those near the root.
  private static let folderLimit = 40

  /// The last folder that was searched; nil: the search begins anew.
  private var lastFolder: [Name]?
  /// The last repository that was maintained.
  private var lastPlace: [Name] = []

  /// The repositories to examine in this run: those near the root, those in memory (so those that somebody uses), and
  /// those in the next folders. With `folder`, only the one there.
  mutating func places(on tree: WorkingTree, in folder: [Name]?) throws(Errno) -> [HousekeepingPlaces.Place] {
    let near = try HousekeepingPlaces.near(on: tree, in: folder)
    guard near.bound != nil else {
      lastFolder = nil
      return near.places
    }
    var places = near.places + (try HousekeepingPlaces.known(on: tree, in: folder))
    let next = try HousekeepingPlaces.next(on: tree, after: lastFolder, limit: Self.folderLimit)
    lastFolder = next.last
    places += next.places
    var seen: Set<InodeNumber> = []
    return places.filter { seen.insert($0.root).inserted }
  }

  /// Those of `subjects` that this run maintains, and the others. The run begins after the last repository of the run
  /// before, in the order of `path`.
  mutating func divide<Subject>(
    _ subjects: [Subject], by path: (Subject) -> [Name]
  ) -> (now: [Subject], later: [Subject]) {
    guard subjects.count > Self.countLimit else { return (subjects, []) }
    let sorted = subjects.sorted { path($0).lexicographicallyPrecedes(path($1)) }
    let start = sorted.firstIndex { lastPlace.lexicographicallyPrecedes(path($0)) } ?? 0
    let ordered = sorted[start...] + sorted[..<start]
    let now = Array(ordered.prefix(Self.countLimit))
    lastPlace = now.last.map(path) ?? []
    return (now, Array(ordered.dropFirst(Self.countLimit)))
  }
}
