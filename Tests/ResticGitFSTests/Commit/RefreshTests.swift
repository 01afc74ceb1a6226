import FuseBridge
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Refresh")
struct RefreshTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test("a mount without changes shows what another one saved, and open files keep their bytes")
  func follow() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for path in ["a/one", "a/two", "b/deep/three", "same"] { try await writer.write(Self.text(path), to: path) }
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await reader.read("a/one") == Self.text("a/one"))
    let held = try await reader.onThread { mount in
      let directory = try mount.fileSystem.lookup(Array("a".utf8), in: 1, caller: mount.fileSystem.mounter).attributes
        .inode
      let file = try mount.fileSystem.lookup(Array("one".utf8), in: directory, caller: mount.fileSystem.mounter)
        .attributes.inode
      _ = try mount.fileSystem.open(file, flags: 0)
      return file
    }

    try await writer.write(Self.text("changed"), to: "a/one")
    try await writer.remove("a/two")
    try await writer.write(Self.text("new"), to: "a/new/file")
    try await writer.write(Self.text("three again"), to: "b/deep/three")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    #expect(try await reader.read("a/one") == Self.text("changed"))
    #expect(try await reader.read("a/new/file") == Self.text("new"))
    #expect(try await reader.read("b/deep/three") == Self.text("three again"))
    #expect(try await reader.read("same") == Self.text("same"))
    await #expect(throws: Errno.noSuchFileOrDirectory) { try await reader.read("a/two") }
    let old = try await reader.onThread { try $0.fileSystem.read(held, handle: 0, offset: 0, byteCount: 100) }
    #expect(old == Self.text("a/one"))
    #expect(try await reader.coordinator.refresh() == false)

    // What it commits now is on top of what it shows.
    try await reader.write(Self.text("from the reader"), to: "c")
    guard case .saved = try await reader.coordinator.commit(.sync) else {
      Issue.record("the base has not moved")
      return
    }
  }

  @Test("a mount with changes of its own is left alone")
  func changed() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    try await writer.write(Self.text("1"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let other = try await TestMount(TestMount.openRepository(on: backend))
    try await other.write(Self.text("mine"), to: "g")
    try await writer.write(Self.text("2"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await other.coordinator.refresh() == false)
    #expect(try await other.read("f") == Self.text("1"))
  }
}
