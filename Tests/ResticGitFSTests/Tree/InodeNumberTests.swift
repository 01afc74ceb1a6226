import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// F17 A file shows the same inode number in every mount of the repository, and no two files of a mount show the same.
@Suite("Inode numbers")
struct InodeNumberTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func numbers(_ paths: [String], on mount: TestMount) async throws -> [String: UInt64] {
    var numbers: [String: UInt64] = [:]
    for path in paths { numbers[path] = try await mount.status(path).inodeNumber }
    return numbers
  }

  @Test("numbers survive a commit, a new mount, a refresh, and any order of entering directories")
  func stable() async throws {
    let paths = ["a", "d", "d/b", "d/e", "d/e/c", "f", "linked", "d/linked"]
    let writer = try await TestMount(TestMount.makeRepository())
    for path in ["a", "d/b", "d/e/c", "f", "linked"] { try await writer.write(Self.text(path), to: path) }
    try await writer.link("linked", as: "d/linked")
    let made = try await Self.numbers(paths, on: writer)
    #expect(Set(made.values).count == paths.count - 1)
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await Self.numbers(paths, on: writer) == made)
    let reader = try await writer.again()
    #expect(try await Self.numbers(paths.reversed(), on: reader) == made)

    // Files that another mount creates get other numbers.
    try await reader.write(Self.text("new"), to: "new")
    try await reader.changeMode(0o600, of: "d/b")
    try await reader.rename("f", to: "d/e/moved")
    _ = try await reader.coordinator.commit(.sync)
    let changed = try await Self.numbers(["a", "d", "d/b", "d/e", "d/e/c", "d/e/moved", "linked", "new"], on: reader)
    #expect(Set(changed.values).count == 8)
    #expect(changed["d/e/moved"] == made["f"])
    for path in ["a", "d", "d/b", "d/e", "d/e/c", "linked"] { #expect(changed[path] == made[path], "\(path)") }
    #expect(try await writer.coordinator.refresh())
    #expect(try await Self.numbers(changed.keys.sorted(), on: writer) == changed)
    #expect(try await Self.numbers(changed.keys.sorted().reversed(), on: writer.again()) == changed)
  }

  @Test("while the old file is open, the file that replaces it has another number")
  func replacedWhileOpen() async throws {
    let writer = try await TestMount(TestMount.makeRepository())
    try await writer.write(Self.text("old"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await writer.again()
    let open = try await reader.open("f", flags: O_RDONLY)
    let before = try await reader.status("f").inodeNumber
    try await writer.overwrite(Self.text("new"), at: 0, of: "f")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    let old = try await reader.onThread { try $0.fileSystem.attributes(of: open.inode, handle: open.handle) }
    #expect(old.inodeNumber == before)
    #expect(old.linkCount == 0)
    #expect(try await reader.status("f").inodeNumber != before)
  }

  /// A namespace over `nodes`.
  private static func namespace(_ nodes: [Node]) -> Namespace {
    Namespace(
      root: Node(name: Name([]), type: .dir, mode: 0), tree: Tree(nodes: nodes), deviceID: 3, rules: GitNameRules())
  }

  private static func shown(_ name: Name, _ namespace: Namespace) throws -> UInt64 {
    let number = try namespace.child(name, of: Namespace.root)
    return try namespace.attributes(of: number, mounter: TestMount.owner).inodeNumber
  }

  @Test("files with equal or missing stored numbers show different numbers, the same in every mount")
  func collisions() throws {
    var nodes: [Node] = []
    for (device, inode) in [(0, 0), (0, 1), (7, 5), (8, 5), (7, UInt64.max)] as [(UInt64, UInt64)] {
      for copy in 0..<3 {
        nodes.append(
          Node(
            name: Name("f\(nodes.count)"), type: copy == 0 ? .symlink : .file, mode: 0o644, inode: inode,
            deviceID: device))
      }
    }
    let (first, second) = (Self.namespace(nodes), Self.namespace(nodes))
    let shown = try nodes.map { try Self.shown($0.name, first) }
    #expect(try nodes.map { try Self.shown($0.name, second) } == shown)
    #expect(Set(shown).count == nodes.count)
    #expect(shown.allSatisfy { $0 > 1 && $0 <= UInt64(Int64.max) })
  }

  @Test(
    "a file that gets a second name keeps its number, now and in the next mount, and its stored numbers are unique")
  func linked() throws {
    let now = Timestamp(seconds: 1, nanoseconds: 0)
    let nodes = ["a", "b"].map { Node(name: $0, type: .file, mode: 0o644, inode: 5, deviceID: 7, links: 1) }
    var namespace = Self.namespace(nodes)
    let before = try (Self.shown("a", namespace), Self.shown("b", namespace))
    for (name, other) in [("a", "a2"), ("b", "b2")] as [(Name, Name)] {
      let number = try namespace.child(name, of: Namespace.root)
      _ = try namespace.apply(.link(number, as: other, in: Namespace.root), at: now)
    }
    #expect(try (Self.shown("a", namespace), Self.shown("b", namespace)) == before)
    let stored = try ["a", "a2", "b", "b2"].map { name in
      var node = try namespace.inode(namespace.child(Name(name), of: Namespace.root)).node
      node.name = Name(name)
      return node
    }
    #expect(Set(stored.map(\.inode)).count == 2)
    #expect(stored.allSatisfy { $0.deviceID == 3 && $0.links == 2 })
    let again = Self.namespace(stored)
    #expect(try (Self.shown("a", again), Self.shown("b", again)) == before)
    #expect(try Self.shown("a2", again) == before.0)
  }

  @Test("a number is free again once its file is gone")
  func reused() throws {
    let now = Timestamp(seconds: 1, nanoseconds: 0)
    let node = Node(name: "a", type: .file, mode: 0o644, inode: 5, deviceID: 7, links: 1)
    var namespace = Self.namespace([node])
    let before = try Self.shown("a", namespace)
    _ = try namespace.apply(.unlink("a", in: Namespace.root), at: now)
    let directory = try namespace.apply(
      .create(NewInode(type: .dir, permissions: 0o755), as: "d", in: Namespace.root), at: now)
    let number = namespace.install(node, in: directory)
    #expect(try namespace.attributes(of: number, mounter: TestMount.owner).inodeNumber == before)
  }
}
