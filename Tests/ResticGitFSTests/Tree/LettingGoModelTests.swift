import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// F17, M3: an evicted inode is the same in every respect when it is loaded again, and no inode in use is evicted.
@Suite("Random changes of a tree whose inodes are evicted", .timeLimit(.minutes(30)))
struct LettingGoModelTests {
  private static let time = Timestamp(seconds: 1_000, nanoseconds: 5)
  private static let mounter = FileOwner(userID: 0, groupID: 0)

  /// A tree beside its naive model, and a kernel's knowledge of the tree.
  private struct Pair {
    var stored = StoredNamespace()
    var reference = ReferenceTree()
    /// The tree's number of each inode of the model that has a name.
    var inodes: [InodeNumber: InodeNumber] = [:]
    /// The result of stat(2) for each inode of the model.
    var numbers: [InodeNumber: UInt64] = [:]
    /// The kernel's lookups, and its open files.
    var lookups: [InodeNumber: UInt64] = [:]
    var opened: [InodeNumber] = []
    var frozen: FrozenTree?
    var letGoCount = 0

    /// Finds all inodes by their names, and expects them to agree with the model.
    mutating func compare() throws {
      inodes = [:]
      try compare(Namespace.root, Namespace.root)
    }

    private mutating func compare(_ modelled: InodeNumber, _ number: InodeNumber) throws {
      let file = try #require(reference.files[modelled])
      let isFirst = inodes.updateValue(number, forKey: modelled) == nil
      let attributes = try stored.tree.attributes(of: number, mounter: mounter)
      try #require(inodes[modelled] == number, "two names of one file are one inode")
      try #require(attributes.mode & FileMode.permissionMask == file.permissions || number == Namespace.root)
      try #require(attributes.linkCount == file.linkCount || file.type == .dir)
      let shown = numbers.updateValue(attributes.inodeNumber, forKey: modelled)
      try #require(shown == nil || shown == attributes.inodeNumber)
      let inode = try stored.tree.inode(number)
      try #require(inode.node.type == file.type)
      let attributesOfNode = Dictionary(uniqueKeysWithValues: inode.node.extendedAttributes.map { ($0.name, $0.value) })
      try #require(attributesOfNode == file.extendedAttributes)
      guard isFirst else { return }
      switch file.type {
      case .dir:
        let children = try stored.loading { tree throws(NamespaceError) in try tree.children(of: number) }
        try #require(Set(children.keys) == Set(file.children.keys))
        for (name, child) in file.children { try compare(child, try #require(children[name])) }
      case .file:
        let content = try stored.loading { tree throws(NamespaceError) in try tree.extents(of: number) }
        try #require(stored.bytes(of: content) == file.bytes)
      default: break
      }
    }

    private var mounter: FileOwner { LettingGoModelTests.mounter }

    mutating func letGo(_ limit: Int) throws {
      let before = stored.tree
      letGoCount += stored.tree.letGo(examining: limit, mounter: mounter, recentCount: 0).count
      for (number, inode) in before.inodes where stored.tree.inodes[number] == nil {
        try #require(inode.changeNumber == 0 && inode.lookupCount == 0 && inode.openCount == 0, "\(inode)")
      }
      for number in lookups.keys { try #require(stored.tree.inodes[number] != nil) }
      for number in opened { try #require(stored.tree.inodes[number] != nil) }
      try checkInvariants()
    }

    /// The changes of `Namespace`.
    private func checkInvariants() throws {
      let tree = stored.tree
      var names: [InodeNumber: [InodeNumber]] = [:]
      var unloaded: Set<InodeNumber> = []
      for (number, inode) in tree.inodes {
        switch inode.body {
        case .directory(.loaded(let children)):
          for child in children.values {
            try #require(tree.inodes[child] != nil)
            names[child, default: []].append(number)
          }
        case .directory(.unloaded): unloaded.insert(number)
        case .file, .special: break
        }
      }
      for (number, inode) in tree.inodes where number != Namespace.root {
        let parents = inode.parent == 0 ? [] : [inode.parent] + inode.furtherParents
        try #require(parents.sorted() == names[number, default: []].sorted())
        try #require(inode.parent != 0 || inode.lookupCount > 0 || inode.openCount > 0)
      }
      try #require(unloaded == tree.unloadedDirectories.union(tree.unreadableDirectories))
    }
  }

  @Test(
    "a tree agrees with a naive model, whatever is committed, known to the kernel and evicted",
    arguments: 0..<40)
  func model(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var pair = Pair()
    for step in 0..<400 {
      try Self.step(&pair, &random)
      if step % 8 == 0 { try pair.compare() }
    }
    try pair.compare()
  }

  @Test("the random changes often leave inodes that can be evicted")
  func isExercised() throws {
    var count = 0
    for seed in 100..<110 {
      var random = SplitMix64(seed: UInt64(seed))
      var pair = Pair()
      for _ in 0..<400 { try Self.step(&pair, &random) }
      count += pair.letGoCount
    }
    #expect(count > 10)
  }

  private static func step(_ pair: inout Pair, _ random: inout SplitMix64) throws {
    switch random.next() % 24 {
    case 0..<9:
      // The kernel looks each name up before it sends a change.
      try pair.compare()
      try change(&pair, &random)
    case 9, 10:
      guard pair.frozen == nil else { break }
      pair.frozen = pair.stored.tree.freezeForCommit()
    case 11, 12, 13:
      guard let frozen = pair.frozen else { break }
      let stored = try pair.stored.store(frozen)
      pair.stored.tree.settle(stored, of: frozen)
      pair.stored.tree.thaw()
      pair.frozen = nil
    case 14:
      try pair.compare()
      let numbers = pair.inodes.values.filter { $0 != Namespace.root }.sorted()
      guard let number = numbers.randomElement(using: &random) else { break }
      try pair.stored.tree.countLookup(of: number)
      pair.lookups[number, default: 0] += 1
    case 15, 16:
      let lookups = pair.lookups.sorted { $0.key < $1.key }
      guard let (number, count) = lookups.randomElement(using: &random) else { break }
      pair.lookups[number] = nil
      pair.stored.tree.forget(number, count: count)
    case 17:
      try pair.compare()
      let files = pair.reference.files.filter { $0.value.type == .file }.keys.compactMap { pair.inodes[$0] }
      guard let number = files.sorted().randomElement(using: &random) else { break }
      try pair.stored.loading { tree throws(NamespaceError) in try tree.open(number, forWriting: false) }
      pair.opened.append(number)
    case 18, 19:
      guard let number = pair.opened.popLast() else { break }
      pair.stored.tree.release(number, forWriting: false)
    default: try pair.letGo(Int(random.next() % 60))
    }
  }

  /// Makes a random change on both sides.
  private static func change(_ pair: inout Pair, _ random: inout SplitMix64) throws {
    let modelled = TreeChangeModelTests.change(pair.reference, &random)
    guard let change = modelled.renumbered(pair.inodes) else { return }
    let outcome = outcome { () throws(NamespaceError) in _ = try pair.stored.apply(change, at: time) }
    let expected = Self.outcome { () throws(NamespaceError) in
      do throws(Errno) { try pair.reference.apply(modelled) } catch { throw .refused(error) }
    }
    try #require(outcome == expected, "\(change)")
  }

  private static func outcome(_ body: () throws(NamespaceError) -> Void) -> NamespaceError? {
    do {
      try body()
      return nil
    } catch {
      return error
    }
  }
}

extension TreeChange {
  /// The same change of a tree in which inodes have other numbers; nil where one is not there.
  fileprivate func renumbered(_ inodes: [InodeNumber: InodeNumber]) -> TreeChange? {
    func map(_ number: InodeNumber) throws(Errno) -> InodeNumber {
      guard let found = inodes[number] else { throw .noSuchFileOrDirectory }
      return found
    }
    do throws(Errno) {
      switch self {
      case .create(let new, let name, let directory): return .create(new, as: name, in: try map(directory))
      case .link(let inode, let name, let directory): return .link(try map(inode), as: name, in: try map(directory))
      case .unlink(let name, let directory): return .unlink(name, in: try map(directory))
      case .removeDirectory(let name, let directory): return .removeDirectory(name, in: try map(directory))
      case .rename(let name, let directory, let newName, let newDirectory, let mode):
        return .rename(name, in: try map(directory), to: newName, newDirectory: try map(newDirectory), mode)
      case .write(let bytes, let inode, let offset): return .write(bytes, to: try map(inode), offset: offset)
      case .allocate(let range, let inode, let zeroes, let extends):
        return .allocate(range, of: try map(inode), zeroes: zeroes, extends: extends)
      case .setAttributes(let changes, let inode): return .setAttributes(changes, of: try map(inode))
      case .setExtendedAttribute(let name, let inode, let value, let mode):
        return .setExtendedAttribute(name, of: try map(inode), to: value, mode)
      case .removeExtendedAttribute(let name, let inode): return .removeExtendedAttribute(name, of: try map(inode))
      }
    } catch {
      return nil
    }
  }
}
