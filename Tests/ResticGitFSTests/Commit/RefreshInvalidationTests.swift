import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// C11 A mount without changes shows a newer snapshot […]; the kernel was told to forget what was shown before.
@Suite("The invalidations after a refresh")
struct RefreshInvalidationTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A kernel that notes the invalidations, and refuses as many as the test says.
  private final class Kernel: Sendable {
    private let state = Locked((forgotten: [RefreshPlan.Invalidation](), refusals: 0))

    var forgotten: [RefreshPlan.Invalidation] { state.withLock { $0.forgotten } }

    init(refusals: Int = 0) {
      state.withLock { $0.refusals = refusals }
    }

    func forget(_ invalidation: RefreshPlan.Invalidation) throws {
      try state.withLock { state in
        if state.refusals > 0 {
          state.refusals -= 1
          throw Errno.noMemory
        }
        state.forgotten.append(invalidation)
      }
    }
  }

  /// Waits until the kernel was told everything.
  private static func settle(_ mount: TestMount) async {
    while mount.tree.read({ $0.isRefreshing }) { await Task.yield() }
  }

  // G2: a read-only mount is not asked when a known file is opened.
  @Test("a configuration file is looked up again once the directory's other names change what is shown of it")
  func configuration() async throws {
    let writer = try await TestMount(TestMount.makeRepository())
    for path in ["r/HEAD", "r/config", "r/objects/x"] { try await writer.write([], to: path) }
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await writer.again()
    let kernel = Kernel()
    reader.kernelCache.attach { try kernel.forget($0) }
    let (directory, _) = try await reader.onThread { (try $0.inode("r"), try $0.inode("r/config")) }
    try await writer.write([], to: "r/refs/x")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    await Self.settle(reader)
    #expect(kernel.forgotten.contains(.entry("config", in: directory)))
    #expect(!kernel.forgotten.contains(.entry("config.worktree", in: directory)))
  }

  @Test("a directory that was looked up and never read shows its new mode and times")
  func everything() async throws {
    let writer = try await TestMount(TestMount.makeRepository())
    for path in ["sub/f", "d/inner/g", "d/h", "attributes", "content"] {
      try await writer.write(Self.text("old"), to: path)
    }
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await writer.again()
    let kernel = Kernel()
    reader.kernelCache.attach { try kernel.forget($0) }
    var inodes: [String: InodeNumber] = [:]
    for path in ["sub", "d", "d/inner", "attributes", "content"] {
      inodes[path] = try await reader.onThread { try $0.inode(path) }
    }
    for path in ["sub", "d", "d/inner"] { try await writer.changeMode(0o700, of: path) }
    try await writer.changeMode(0o600, of: "attributes")
    try await writer.overwrite(Self.text("new"), at: 0, of: "content")
    _ = try await writer.coordinator.commit(.sync)
    let root = try await reader.onThread { try $0.fileSystem.attributes(of: Namespace.root, handle: nil) }
    #expect(try await reader.coordinator.refresh())
    await Self.settle(reader)

    let forgotten = Set(kernel.forgotten)
    for path in ["sub", "d", "d/inner"] {
      let inode = try #require(inodes[path])
      #expect(forgotten.contains(.inode(inode)), "\(path)")
      let status = try await reader.onThread { try $0.fileSystem.attributes(of: inode, handle: nil) }
      let theirs = try await writer.status(path)
      #expect(status == theirs.of(status.inodeNumber, reader.fileSystem.mounter), "\(path)")
    }
    for name in ["attributes", "content"] as [Name] {
      #expect(forgotten.contains(.entry(name, in: Namespace.root)))
    }
    #expect(forgotten.contains(.inode(Namespace.root)))
    let after = try await reader.onThread { try $0.fileSystem.attributes(of: Namespace.root, handle: nil) }
    #expect(after.modificationTime != root.modificationTime, "who watches the root's time sees that names changed")
    #expect(try await reader.status("attributes").mode & 0o777 == 0o600)
  }

  @Test("an open file without a name shows a link count of zero, and keeps its cached content")
  func openFile() async throws {
    let writer = try await TestMount(TestMount.makeRepository())
    try await writer.write(Self.text("old"), to: "f")
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await writer.again()
    let kernel = Kernel()
    reader.kernelCache.attach { try kernel.forget($0) }
    let open = try await reader.open("f", flags: O_RDONLY)
    try await writer.remove("f")
    _ = try await writer.coordinator.commit(.sync)
    #expect(try await reader.coordinator.refresh())
    await Self.settle(reader)
    #expect(kernel.forgotten.contains(.attributes(open.inode)))
    #expect(!kernel.forgotten.contains(.inode(open.inode)))
  }

  @Test("while an invalidation fails, no lock can be taken, and the invalidation is retried")
  func refused() async throws {
    let clock = TestClock()
    let writer = try await TestMount(TestMount.makeRepository())
    try await writer.write(Self.text("old"), to: "refs/heads/main")
    _ = try await writer.coordinator.commit(.sync)
    let reader = try await TestMount(TestMount.openRepository(on: writer.repository.backend), kernelClock: clock)
    #expect(try await reader.read("refs/heads/main") == Self.text("old"))
    try await writer.overwrite(Self.text("new"), at: 0, of: "refs/heads/main")
    _ = try await writer.coordinator.commit(.sync)
    let kernel = Kernel(refusals: 5)
    reader.kernelCache.attach { try kernel.forget($0) }
    #expect(try await !reader.coordinator.catchUp(), "the kernel still shows the old ref")
    #expect(reader.tree.read { $0.isRefreshing })
    await #expect(throws: Errno.fileExists) { try await reader.write([], to: "refs/heads/main.lock") }
    while reader.tree.read({ $0.isRefreshing }) {
      clock.advance(by: .seconds(1))
      await Task.yield()
    }
    #expect(Set(kernel.forgotten).count == kernel.forgotten.count)
    let heads = try await reader.onThread { try $0.inode("refs/heads") }
    #expect(kernel.forgotten.contains(.entry("main", in: heads)))
    try await reader.write([], to: "refs/heads/main.lock")
  }

  @Test("the end of the mount ends the retries")
  func unmounted() async throws {
    let kernel = Kernel(refusals: .max)
    let clock = TestClock(advancesOnSleep: true)
    let mount = try await TestMount(TestMount.makeRepository(), kernelClock: clock)
    mount.kernelCache.attach { try kernel.forget($0) }
    let (reports, continuation) = AsyncStream.makeStream(of: Bool.self)
    mount.kernelCache.forget([.inode(1)]) { hasForgotten in
      continuation.yield(hasForgotten)
      if hasForgotten { continuation.finish() }
    }
    var count = 0
    for await hasForgotten in reports {
      count += 1
      if count == 3 { mount.kernelCache.attach(nil) }
      #expect(!hasForgotten || count > 3)
    }
  }
}

extension FuseAttributes {
  /// The same with another number, and an owner as everything has that a mount found.
  fileprivate func of(_ number: UInt64, _ owner: FileOwner) -> FuseAttributes {
    var changed = self
    changed.inodeNumber = number
    (changed.userID, changed.groupID) = (owner.userID, owner.groupID)
    return changed
  }
}
