import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// F10 A directory that is read while names come and go lists every name that was there all the time exactly once.
@Suite("Listing a directory that changes")
struct DirectoryListingModelTests {
  /// A directory that is read through the file system, beside a model of its content.
  private struct Reading {
    let mount: TestMount
    let directory: InodeNumber
    var handles: [FuseHandle] = []
    /// The model: names, and the file of each.
    var names: [String: FuseInode] = [:]
    /// The names that were there since this pass began, and those that were there at any time.
    var always: Set<String> = []
    var ever: Set<String> = []
    /// The entries that this pass has listed, with the offset after each.
    var listed: [(name: String, offset: UInt64)] = []
    var lookups: [FuseInode: UInt64] = [:]
    var position: UInt64 = 0

    mutating func begin() {
      (position, listed) = (0, [])
      always = Set(names.keys)
      ever = always
    }

    /// Notes that the model's names changed.
    mutating func noteChange() {
      always.formIntersection(names.keys)
      ever.formUnion(names.keys)
    }

    /// Reads up to `count` entries; true at the end.
    mutating func answer(_ count: Int, on handle: FuseHandle, plus: Bool) throws -> Bool {
      var entries: [FuseDirectoryEntry] = []
      try mount.fileSystem.readDirectory(directory, handle: handle, offset: position, countLookups: plus) { entry in
        guard entries.count < count else { return false }
        entries.append(entry)
        return true
      }
      for entry in entries {
        #expect(entry.nextOffset > position)
        position = entry.nextOffset
        let name = String(decoding: entry.name, as: UTF8.self)
        if name == "." || name == ".." { continue }
        #expect(entry.inode == names[name], "\(name) is listed as what it leads to now")
        listed.append((name, entry.nextOffset))
        if plus { lookups[entry.inode, default: 0] += 1 }
      }
      return entries.isEmpty
    }

    /// The result that a whole pass must have.
    func check(_ seed: UInt64) {
      let all = listed.map(\.name)
      #expect(Set(all).count == all.count, "seed \(seed): \(all)")
      #expect(always.subtracting(all).isEmpty, "seed \(seed): missing \(always.subtracting(all))")
      #expect(Set(all).subtracting(ever).isEmpty, "seed \(seed): never there: \(Set(all).subtracting(ever))")
    }
  }

  /// One random change of the directory, in the file system and in the model.
  private static func change(_ reading: inout Reading, _ random: inout SplitMix64) throws {
    let file = reading.mount.fileSystem
    let directory = reading.directory
    func bytes(_ name: String) -> [UInt8] { Array(name.utf8) }
    let sorted = reading.names.keys.sorted()
    let (one, other) = (sorted[Int(random.next() % UInt64(sorted.count))], "f\(random.next() % 50)")
    switch random.next() % 6 {
    case 0:
      try file.rename(bytes(one), in: directory, to: bytes(other), in: directory, mode: .replace)
      if one != other { reading.names[other] = reading.names.removeValue(forKey: one) }
    case 1 where reading.names[other] != nil:
      try file.rename(bytes(one), in: directory, to: bytes(other), in: directory, mode: .exchange)
      (reading.names[one], reading.names[other]) = (reading.names[other], reading.names[one])
    case 2, 3:
      // As git updates a ref.
      let made = try file.create(bytes("lock"), in: directory, mode: 0o644, flags: 0, caller: TestMount.caller)
      file.release(made.entry.inode, handle: made.file.handle)
      file.forget(made.entry.inode, count: 1)
      try file.rename(bytes("lock"), in: directory, to: bytes(one), in: directory, mode: .replace)
      reading.names[one] = made.entry.inode
    case 4 where sorted.count > 1:
      try file.unlink(bytes(one), in: directory)
      reading.names[one] = nil
      reading.noteChange()
      guard random.next() % 2 == 0 else { return }
      fallthrough
    default:
      guard reading.names[one] == nil else { return }
      let made = try file.makeNode(
        bytes(one), in: directory, mode: S_IFREG | 0o644, device: 0, caller: TestMount.caller)
      file.forget(made.inode, count: 1)
      reading.names[one] = made.inode
    }
    reading.noteChange()
  }

  @Test(
    "remaining names are listed once, whatever is renamed, exchanged, removed and created meanwhile", arguments: 0..<60)
  func model(_ seed: UInt64) async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.onThread { mount in
      var random = SplitMix64(seed: seed)
      let file = mount.fileSystem
      let directory = try file.makeDirectory(Array("d".utf8), in: 1, mode: 0o755, caller: TestMount.caller).inode
      var reading = Reading(mount: mount, directory: directory)
      for number in 0..<40 {
        let name = "f\(number)"
        let made = try file.makeNode(
          Array(name.utf8), in: directory, mode: S_IFREG | 0o644, device: 0, caller: TestMount.caller)
        file.forget(made.inode, count: 1)
        reading.names[name] = made.inode
      }
      reading.handles = try (0..<2).map { _ in try file.openDirectory(directory, flags: 0).handle }
      for _ in 0..<8 {
        reading.begin()
        var handle = reading.handles[0]
        while true {
          // The kernel goes on with any handle, where its cache of the listing ended.
          if random.next() % 8 == 0 { handle = reading.handles[Int(random.next() % 2)] }
          if random.next() % 10 == 0, let last = reading.listed.last {
            // A buffer too small for all that was read, or seekdir.
            let keep = Int(random.next() % UInt64(reading.listed.count))
            reading.position = keep == 0 ? last.offset : reading.listed[keep - 1].offset
            if keep > 0 { reading.listed.removeSubrange(keep...) }
          }
          if try reading.answer(1 + Int(random.next() % 5), on: handle, plus: random.next() % 2 == 0) { break }
          for _ in 0..<random.next() % 4 { try Self.change(&reading, &random) }
        }
        reading.check(seed)
      }
      for (inode, count) in reading.lookups { file.forget(inode, count: count) }
      for handle in reading.handles { file.releaseDirectory(directory, handle: handle) }
      #expect(mount.tree.read { $0.inodes.count } == reading.names.count + 2, "no lookup is left or lost")
    }
  }

  @Test("after a refresh between two replies that replaces every file, each file is listed once, in its new state")
  func refresh() async throws {
    let writer = try await TestMount(TestMount.makeRepository())
    let names = (0..<600).map { "ref\($0)" }
    for name in names { try await writer.write(Array("old".utf8), to: "d/\(name)") }
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await writer.again()
    for name in names { try await writer.write(Array("new".utf8), to: "d/\(name)") }
    _ = try await writer.coordinator.commit(.sync)

    func read(_ count: Int, _ position: UInt64, _ handle: FuseHandle) async throws -> [FuseDirectoryEntry] {
      try await reader.onThread { mount in
        var entries: [FuseDirectoryEntry] = []
        let inode = try mount.inode("d")
        try mount.fileSystem.readDirectory(inode, handle: handle, offset: position, countLookups: true) { entry in
          guard entries.count < count else { return false }
          entries.append(entry)
          return true
        }
        return entries
      }
    }
    let handle = try await reader.onThread { try $0.fileSystem.openDirectory($0.inode("d"), flags: 0).handle }
    let first = try await read(100, 0, handle)
    #expect(try await reader.coordinator.refresh())
    let rest = try await read(1000, first[99].nextOffset, handle)
    let listed = (first + rest).map { String(decoding: $0.name, as: UTF8.self) }
    #expect(listed.sorted() == (names + [".", ".."]).sorted())
    for entry in rest {
      let inode = try await reader.onThread { try $0.inode("d/" + String(decoding: entry.name, as: UTF8.self)) }
      #expect(inode == entry.inode)
    }
  }
}
