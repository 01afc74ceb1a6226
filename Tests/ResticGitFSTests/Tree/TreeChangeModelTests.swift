import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// F1 to F8: the only function for changes agrees with a naive model, and equal changes give equal trees.
@Suite("Random changes of a tree")
struct TreeChangeModelTests {
  private static let time = Timestamp(seconds: 1_000, nanoseconds: 5)

  @Test("a tree agrees with a naive model after each change, whatever is refused", arguments: 0..<40)
  func model(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var tree = Namespace.empty()
    var reference = ReferenceTree()
    var made: [TreeChange] = []
    for _ in 0..<300 {
      let change = Self.change(reference, &random)
      made.append(change)
      let outcome = Self.outcome { () throws(NamespaceError) in _ = try tree.apply(change, at: Self.time) }
      let expected = Self.outcome { () throws(NamespaceError) in
        do throws(Errno) { try reference.apply(change) } catch { throw .refused(error) }
      }
      try #require(outcome == expected, "seed \(seed)\n\(Self.source(made))")
      try #require(try ReferenceTree(tree).files == reference.files, "seed \(seed)\n\(Self.source(made))")
    }
    var again = Namespace.empty()
    for change in made { _ = Self.outcome { () throws(NamespaceError) in _ = try again.apply(change, at: Self.time) } }
    #expect(try ReferenceTree(again).files == reference.files, "seed \(seed): the same changes make the same tree")
  }

  @Test("a change is printed as Swift source, without the written bytes")
  func source() {
    let new = NewInode(type: .symlink, permissions: 0o777)
    let changes: [(TreeChange, String)] = [
      (
        .create(new, as: "l\n", in: 1),
        """
        .create(NewInode(type: .symlink, permissions: 0o777, owner: NamedOwner(id: FileOwner(userID: 0, groupID: 0), \
        user: "", group: "")), as: "l\\n", in: 1)
        """
      ),
      (.write(.count(3), to: 2, offset: 10), ".write(.count(3), to: 2, offset: 10)"),
      (
        .rename(Name([0xFF]), in: 1, to: "b", newDirectory: 3, .exchange),
        ".rename(Name([255]), in: 1, to: \"b\", newDirectory: 3, .exchange)"
      ),
      (
        .setAttributes(AttributeChanges(mode: 0o600, accessTime: Self.time), of: 2),
        """
        .setAttributes(AttributeChanges(mode: 0o600, accessTime: Timestamp(seconds: 1000, nanoseconds: 5)), of: 2)
        """
      ),
      (
        .setExtendedAttribute("user.a", of: 2, to: [1, 2], .create),
        ".setExtendedAttribute(\"user.a\", of: 2, to: .count(2), .create)"
      ),
    ]
    for (change, source) in changes { #expect(change.description == source) }
  }

  private static func source(_ changes: [TreeChange]) -> String {
    "for change in [\n\(changes.map { "  \($0),\n" }.joined())] as [TreeChange] { … }"
  }

  private static func outcome(_ body: () throws(NamespaceError) -> Void) -> NamespaceError? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }

  /// A random change of few names, so that the changes meet.
  static func change(_ tree: ReferenceTree, _ random: inout SplitMix64) -> TreeChange {
    func pick<Value>(_ values: [Value]) -> Value { values[Int(random.next() % UInt64(values.count))] }
    let inodes = tree.files.keys.sorted()
    let directories = inodes.filter { tree.files[$0]?.type == .dir }
    let names: [Name] = ["a", "b", "c", "d"]
    let inode = pick(inodes)
    let offset = random.next() % 3000
    switch random.next() % 16 {
    case 0, 1: return .create(NewInode(type: .file, permissions: 0o644), as: pick(names), in: pick(directories))
    case 2: return .create(NewInode(type: .dir, permissions: 0o755), as: pick(names), in: pick(inodes))
    case 3: return .create(NewInode(type: .symlink, permissions: 0o777), as: pick(names), in: pick(directories))
    case 4: return .link(inode, as: pick(names), in: pick(directories))
    case 5: return .unlink(pick(names), in: pick(directories))
    case 6: return .removeDirectory(pick(names), in: pick(directories))
    case 7, 8:
      let mode = pick([TreeChange.RenameMode.replace, .replace, .refuse, .exchange])
      return .rename(pick(names), in: pick(directories), to: pick(names), newDirectory: pick(directories), mode)
    case 9, 10, 11: return .write(.count(Int(random.next() % 2000)), to: inode, offset: offset)
    case 12:
      let range = offset..<offset + random.next() % 2000 + 1
      return .allocate(range, of: inode, zeroes: pick([true, false]), extends: pick([true, false]))
    case 13:
      return .setAttributes(AttributeChanges(mode: 0o600 + UInt32(random.next() % 8), byteCount: offset), of: inode)
    case 14:
      let mode = pick([TreeChange.ExtendedAttributeMode.set, .create, .replace])
      return .setExtendedAttribute(pick(names), of: inode, to: .count(Int(random.next() % 9)), mode)
    default: return .removeExtendedAttribute(pick(names), of: inode)
    }
  }
}

extension ReferenceTree {
  /// The model's view of a tree, whose contents are all in memory.
  fileprivate init(_ tree: Namespace) throws {
    self.init()
    files = try tree.inodes.mapValues { inode in
      var file = File(
        type: inode.node.type, permissions: FileMode.unix(inode.node) & FileMode.permissionMask,
        owner: FileOwner(userID: inode.node.uid, groupID: inode.node.gid), linkCount: inode.linkCount)
      file.extendedAttributes = Dictionary(
        uniqueKeysWithValues: inode.node.extendedAttributes.map { ($0.name, $0.value) })
      switch inode.body {
      case .directory(.loaded(let children)): file.children = children
      case .file(.changed(let extents)): file.bytes = try Self.bytes(of: extents)
      case .file, .directory, .special: break
      }
      return file
    }
  }

  private static func bytes(of extents: ExtentMap) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(extents.byteCount))
    for extent in extents.extents {
      guard case .buffer(let buffer, let start) = extent.source else { continue }
      bytes.withUnsafeMutableBytes { target in
        buffer.copy(
          from: start,
          to: UnsafeMutableRawBufferPointer(rebasing: target[Int(extent.offset)..<Int(extent.end)]))
      }
    }
    return bytes
  }
}
