import FuseBridge
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// T1 Every repository of a mount has its turn.
@Suite("Which repositories have their turn", .timeLimit(.minutes(30)))
struct HousekeepingTurnTests {
  private static let owner = NamedOwner(id: FileOwner(userID: 1, groupID: 1), user: "me", group: "us")

  /// Calls `body` with a tree that has git repositories in `folders`, and other folders in `others`.
  private static func with<Result: Sendable>(
    _ folders: [[Name]], _ others: [[Name]] = [], _ body: @escaping @Sendable (WorkingTree) throws -> Result
  ) async throws -> Result {
    let mount = try await TestMount(TestMount.makeRepository())
    return try await mount.onThread { mount in
      let time = Timestamp.now()
      try mount.tree.bookkeep("init") { namespace throws(NamespaceError) in
        func folder(_ path: [Name]) throws(NamespaceError) -> InodeNumber {
          var directory = Namespace.root
          for name in path {
            if let next = try namespace.optionalChild(name, of: directory) {
              directory = next
            } else {
              let new = NewInode(type: .dir, permissions: 0o755, owner: owner)
              directory = try namespace.apply(.create(new, as: name, in: directory), at: time)
            }
          }
          return directory
        }
        for path in others { _ = try folder(path) }
        for path in folders {
          for name: Name in ["objects", "refs"] { _ = try folder(path + [name]) }
          let head = NewInode(type: .file, permissions: 0o644, owner: owner)
          _ = try namespace.apply(.create(head, as: "HEAD", in: try folder(path)), at: time)
        }
      }
      return try body(mount.tree)
    }
  }

  private static func names(_ count: Int, _ prefix: String) -> [[Name]] {
    (0..<count).map { [Name("\(prefix)\(String(repeating: "0", count: 4 - "\($0)".count))\($0)")] }
  }

  @Test("a search goes on where the last one ended, finds everything once, and begins anew")
  func walk() async throws {
    let folders = Self.names(5, "a") + [["x", "y", "z.git"], ["x", "b.git"]] + Self.names(3, "zz")
    let found = try await Self.with(folders, Self.names(30, "q") + [["w", ".git"], ["w", "hidden.git"]]) { tree in
      var last: [Name]?
      var rounds: [[HousekeepingPlaces.Place]] = []
      repeat {
        let step = try HousekeepingPlaces.next(on: tree, after: last, limit: 4)
        rounds.append(step.places)
        last = step.last
      } while last != nil && rounds.count < 100
      return rounds.map { $0.map(\.path) }
    }
    #expect(found.flatMap(\.self) == folders.sorted { $0.lexicographicallyPrecedes($1) })
    #expect(found.count > 10 && found.allSatisfy { $0.count <= 4 })
  }

  @Test("a folder that has gone meanwhile stops nothing")
  func gone() async throws {
    let places = try await Self.with([["a.git"], ["c.git"]]) { tree in
      try HousekeepingPlaces.next(on: tree, after: ["b", "deeper"], limit: 10).places.map(\.path)
    }
    #expect(places == [["c.git"]])
  }

  @Test("a request finds all of hundreds; without one, each of them has its turn within some runs")
  func hundreds() async throws {
    let folders = Self.names(300, "r")
    let (all, rounds) = try await Self.with(folders) { tree in
      var turn = HousekeepingTurn()
      var rounds: [[[Name]]] = []
      for _ in 0..<25 {
        let places = try turn.places(on: tree, in: nil)
        let (now, later) = turn.divide(places) { $0.path }
        #expect(now.count <= HousekeepingTurn.countLimit && now.count + later.count == places.count)
        rounds.append(now.map(\.path))
      }
      return (try HousekeepingPlaces.all(on: tree, in: nil), rounds)
    }
    #expect(all.places.count == 300 && all.bound == nil)
    #expect(Set(rounds.flatMap(\.self)).count == 300, "\(rounds)")
    #expect(rounds[0].count == HousekeepingTurn.countLimit)
  }

  @Test("one repository that never ends what is due does not keep others from their turn")
  func order() {
    var turn = HousekeepingTurn()
    let names = Self.names(40, "r")
    var seen: Set<[Name]> = []
    for _ in 0..<3 { seen.formUnion(turn.divide(names) { $0 }.now) }
    #expect(seen.count == 40)
    let few = turn.divide(Array(names.prefix(3))) { $0 }
    #expect(few.now.count == 3 && few.later.isEmpty)
  }
}
