import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// R2 A mount with nothing to commit holds no lock.
@Suite("Writes to files without a name")
struct UnlinkedContentTests {
  /// A mount whose repository has small packs; `pause` is waited for before each call of its backend.
  private static func makeMount(
    _ pause: @escaping @Sendable (BackendCall) async -> Void = { _ in }
  ) async throws -> TestMount {
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    settings.packByteCount = 4 << 20
    var password = TestMount.password
    let backend = FaultBackend(MemoryBackend(), pause: pause, fault: { _ in nil })
    let repository = try await Repository.create(
      on: backend, password: SecureBytes(wiping: &password), settings: settings)
    return try await TestMount(repository, memory: MemoryBudget(byteLimit: 64 << 20))
  }

  /// An open file that has no name, on a mount without changes.
  private static func openUnlinked(_ mount: TestMount) async throws -> (inode: FuseInode, handle: FuseHandle) {
    try await mount.write([], to: "f")
    let file = try await mount.open("f", flags: O_RDWR)
    try await mount.remove("f")
    _ = try await mount.coordinator.commit(.sync)
    #expect(mount.lockKeeper.heldLock == nil)
    return file
  }

  private static func write(_ bytes: [UInt8], to file: (inode: FuseInode, handle: FuseHandle), _ mount: TestMount)
    async throws
  {
    try await mount.onThread { mount in
      for start in stride(from: 0, to: bytes.count, by: 1 << 20) {
        try bytes[start..<min(bytes.count, start + 1 << 20)].withUnsafeBytes {
          try mount.fileSystem.write(file.inode, handle: file.handle, offset: UInt64(start), FuseWrittenBytes($0))
        }
      }
    }
  }

  private static func hasNoLock(_ mount: TestMount) async throws -> Bool {
    try await mount.repository.backend.list(.lock).isEmpty && mount.lockKeeper.heldLock == nil
  }

  @Test("a file that is closed before any of its data is stored leaves no lock behind")
  func nothingStored() async throws {
    let (isArmed, wasTaken, isGivenBack) = (Switch(), Switch(), Switch())
    let mount = Locked<(mount: TestMount, file: (inode: FuseInode, handle: FuseHandle))?>(nil)
    let made = try await Self.makeMount { call in
      if wasTaken.isOn, call.operation == .remove, call.type == .lock { isGivenBack.isOn = true }
      guard isArmed.isOn, call.operation == .save, call.type == .lock else { return }
      isArmed.isOn = false
      guard let (mount, file) = mount.withLock({ $0 }) else { return }
      try? await mount.onThread { $0.fileSystem.release(file.inode, handle: file.handle) }  // it throws nothing
      wasTaken.isOn = true
    }
    let file = try await Self.openUnlinked(made)
    mount.withLock { $0 = (made, file) }
    isArmed.isOn = true
    var random = SplitMix64(seed: 1)
    try await Self.write(random.bytes(9 << 20), to: file, made)
    try await waitUntil { isGivenBack.isOn }
    try await waitUntil { try await Self.hasNoLock(made) }
  }

  // F6 An unlinked file stays readable through descriptors that are open.
  @Test("the lock protects the stored data of an open file without a name from a prune, and is released afterwards")
  func stored() async throws {
    let mount = try await Self.makeMount()
    let file = try await Self.openUnlinked(mount)
    var random = SplitMix64(seed: 2)
    let bytes = random.bytes(40 << 20)
    try await Self.write(bytes, to: file, mount)
    try await waitUntil { mount.tree.read { $0.bufferedByteCount(of: file.inode) } < 20 << 20 }
    #expect(mount.lockKeeper.heldLock != nil)
    // A commit of something else gives back no lock that is needed.
    try await mount.write([1], to: "g")
    _ = try await mount.coordinator.commit(.sync)
    #expect(mount.lockKeeper.heldLock != nil)
    let read = try await mount.onThread {
      try $0.fileSystem.read(file.inode, handle: file.handle, offset: 0, byteCount: bytes.count)
    }
    #expect(Array(read) == bytes)
    try await mount.onThread { $0.fileSystem.release(file.inode, handle: file.handle) }
    try await waitUntil { try await Self.hasNoLock(mount) }
    // The next commit does not need the dropped data.
    try await mount.write(bytes, to: "h")
    _ = try await mount.coordinator.commit(.sync)
    #expect(try await mount.again().read("h") == bytes)
  }
}
