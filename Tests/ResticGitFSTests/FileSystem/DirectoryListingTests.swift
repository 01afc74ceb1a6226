import FuseBridge
import Glibc
import Testing

@testable import ResticGitFS

@Suite("Listing a directory")
struct DirectoryListingTests {
  @Test("a small directory is listed each time with its files' attributes; the kernel caches a large one's names")
  func cached() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.onThread { mount in
      let fileSystem = mount.fileSystem
      func keepsCache() throws -> Bool {
        let opened = try fileSystem.openDirectory(Namespace.root, flags: O_RDONLY)
        fileSystem.releaseDirectory(Namespace.root, handle: opened.handle)
        return opened.keepsCache
      }
      for number in 0..<257 {
        #expect(try !keepsCache())
        let name = Array("f\(number)".utf8)
        let made = try fileSystem.create(name, in: Namespace.root, mode: 0o644, flags: 0, caller: TestMount.caller)
        fileSystem.release(made.entry.inode, handle: made.file.handle)
        fileSystem.forget(made.entry.inode, count: 1)
      }
      // The last close made the kernel forget a file's block count.
      #expect(try !keepsCache())
      #expect(try keepsCache())
      let inode = try mount.inode("f7")
      fileSystem.release(inode, handle: try fileSystem.open(inode, flags: O_RDONLY).handle)
      #expect(try !keepsCache())
      #expect(try keepsCache())
    }
  }

  @Test("directories that are read without a handle are listed completely, many at the same time, each name once")
  func silent() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    let directoryCount = DirectoryListings.silentLimit + 4
    for directory in 0..<directoryCount {
      for number in 0..<5 { try await mount.write([], to: "d\(directory)/f\(number)") }
    }
    try await mount.onThread { mount in
      let directories = try (0..<directoryCount).map { try mount.inode("d\($0)") }
      var names = [[[UInt8]]](repeating: [], count: directoryCount)
      var offsets = [UInt64](repeating: 0, count: directoryCount)
      // One entry of each in turn.
      for _ in 0..<7 {
        for (index, directory) in directories.enumerated() {
          try mount.fileSystem.readDirectory(
            directory, handle: .silent, offset: offsets[index], countLookups: false
          ) { entry in
            guard names[index].last != entry.name, offsets[index] < entry.nextOffset else { return false }
            names[index].append(entry.name)
            offsets[index] = entry.nextOffset
            return names[index].count % 2 == 0
          }
        }
      }
      for names in names {
        #expect(Set(names.map { String(decoding: $0, as: UTF8.self) }) == [".", "..", "f0", "f1", "f2", "f3", "f4"])
        #expect(names.count == 7)
      }
    }
  }
}
