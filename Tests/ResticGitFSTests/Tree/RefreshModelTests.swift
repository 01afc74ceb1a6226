import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// F8, F17, C11: a refreshed mount shows the same as the other mount and a new mount.
@Suite("Random changes as other mounts see them")
struct RefreshModelTests {
  private static let directories = ["", "d/", "d/e/", "g/"]

  /// A file as a mount shows it.
  private struct Shown: Hashable {
    var inodeNumber: UInt64
    var linkCount: UInt32
    var mode: UInt32
    var content: [UInt8]
  }

  private static func randomPath(_ random: inout SplitMix64) -> String {
    directories[Int(random.next() % 4)] + "f\(random.next() % 4)"
  }

  /// Everything a mount shows.
  private static func everything(_ mount: TestMount) async throws -> [String: Shown] {
    var all: [String: Shown] = [:]
    for directory in directories {
      for number in 0..<4 {
        let path = directory + "f\(number)"
        guard let status = try? await mount.status(path) else { continue }  // there is none of that name
        all[path] = Shown(
          inodeNumber: status.inodeNumber, linkCount: status.linkCount, mode: status.mode,
          content: try await mount.read(path))
      }
    }
    return all
  }

  /// Lets go of all that can be.
  private static func letGo(_ mount: TestMount) {
    mount.tree.bookkeep { _ = $0.letGo(examining: .max, mounter: TestMount.owner, recentCount: 0) }
  }

  /// The bytes of a file. Another thread may evict inodes that no kernel knows.
  private static func read(_ path: String, _ mount: TestMount) async throws -> [UInt8] {
    while true {
      do { return try await mount.read(path) } catch Errno.staleNFSFileHandle {}
    }
  }

  @Test("a mount that evicts inodes during refreshes shows what was saved")
  func refreshedWhileLettingGo() async throws {
    let writer = try await TestMount(TestMount.makeRepository())
    let paths = (0..<30).map { "d\($0 % 5)/e\($0 % 10)/f\($0)" }
    for path in paths { try await writer.write([], to: path) }
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await writer.again()
    let lettingGo = Task {
      while !Task.isCancelled {
        Self.letGo(reader)
        await Task.yield()
      }
    }
    for round in 0..<20 {
      let path = paths[round * 7 % paths.count]
      try await writer.write(Array("round \(round)".utf8), to: path)
      _ = try await writer.coordinator.commit(.sync)
      for path in paths.prefix(round) { _ = try await Self.read(path, reader) }
      // The next look repeats a refresh that came in between.
      for _ in 0..<1000 where try await !reader.coordinator.refresh() {}
      #expect(try await Self.read(path, reader) == Array("round \(round)".utf8))
      #expect(try await writer.read(path) == Array("round \(round)".utf8))
    }
    lettingGo.cancel()
    await lettingGo.value
    // Nothing that was missed is deleted by the next commit.
    try await reader.write([], to: "new")
    _ = try await reader.coordinator.commit(.sync)
    let last = try await writer.again()
    for path in paths { _ = try await last.read(path) }
  }

  /// One random change. An impossible change does nothing.
  private static func change(_ mount: TestMount, _ random: inout SplitMix64) async throws {
    let (path, other) = (randomPath(&random), randomPath(&random))
    let bytes = Array("content \(random.next() % 3)".utf8)
    do {
      switch random.next() % 8 {
      case 0, 1: try await mount.write(bytes, to: path)
      case 2: try await mount.overwrite(bytes, at: random.next() % 3, of: path)
      case 3, 4: try await mount.link(path, as: other)
      case 5: try await mount.remove(path)
      case 6: try await mount.rename(path, to: other)
      default: try await mount.changeMode(UInt32(0o600 + random.next() % 8), of: path)
      }
    } catch Errno.noSuchFileOrDirectory, Errno.fileExists {
    }
  }

  /// Expects names to be linked if and only if their numbers are equal.
  private static func check(_ shown: [String: Shown], _ context: String) {
    for (_, names) in Dictionary(grouping: shown, by: \.value.inodeNumber) {
      #expect(Set(names.map(\.value)).count == 1, "\(context): one number, one file: \(names)")
      #expect(names.allSatisfy { $0.value.linkCount == UInt32(names.count) }, "\(context): \(names)")
    }
  }

  @Test(
    "a refreshed mount shows the same files, links and numbers as the writing mount and a new mount",
    arguments: 0..<25)
  func model(_ seed: UInt64) async throws {
    var random = SplitMix64(seed: seed)
    var writer = try await TestMount(TestMount.makeRepository())
    for directory in Self.directories { try await writer.write([], to: directory + "f0") }
    _ = try await writer.coordinator.commit(.sync)
    var reader = try await writer.again()
    for round in 0..<12 {
      for _ in 0...random.next() % 6 { try await Self.change(writer, &random) }
      let context = "seed \(seed), round \(round)"
      let written = try await Self.everything(writer)
      Self.check(written, context)
      _ = try await writer.coordinator.commit(.sync)
      #expect(try await Self.everything(writer) == written, "\(context): a commit changes nothing")
      // Unused inodes may be evicted at any time.
      if random.next() % 2 == 0 { Self.letGo(writer) }
      if random.next() % 2 == 0 { Self.letGo(reader) }
      // The reader knows and holds other inodes each time.
      var held: (inode: FuseInode, handle: FuseHandle)?
      for _ in 0..<random.next() % 6 { _ = try? await reader.read(Self.randomPath(&random)) }  // it may not be there
      if random.next() % 3 == 0 { held = try? await reader.open(Self.randomPath(&random), flags: O_RDONLY) }
      if random.next() % 2 == 0 { Self.letGo(reader) }
      _ = try await reader.coordinator.refresh()
      if held == nil {
        #expect(try await Self.everything(reader) == written, "\(context): refreshed")
      } else {
        // A file that replaced an open file has another number.
        let shown = try await Self.everything(reader)
        #expect(shown.mapValues(\.content) == written.mapValues(\.content), "\(context): refreshed")
        Self.check(shown, context)
      }
      if let held { try await reader.onThread { $0.fileSystem.release(held.inode, handle: held.handle) } }
      #expect(try await Self.everything(writer.again()) == written, "\(context): a new mount")
      let unnamed = reader.tree.read { namespace in namespace.inodes.values.filter { $0.parent == 0 }.count }
      #expect(unnamed == 0, "\(context): nothing is left of what nobody holds")
      // A mount that showed another number while a file was open goes on with it: begin anew.
      if held != nil { reader = try await writer.again() }
      if random.next() % 2 == 0 { swap(&writer, &reader) }
    }
  }
}
