import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// C11: the kernel uses names and attributes for a day unless it is told to forget them.
@Suite("The kernel's cache after a refresh", .serialized, .timeLimit(.minutes(30)))
struct KernelCacheTests {
  private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

  /// A mount of a snapshot that holds `paths`, each a file that holds its path.
  private static func makeMount(of paths: [String], on storage: MemoryBackend) async throws -> TestMount {
    let maker = try await TestMount(TestMount.makeRepository(on: storage))
    for path in paths { try await maker.write(text(path), to: path) }
    _ = try await maker.coordinator.commit(.sync)
    return try await TestMount(TestMount.openRepository(on: storage), isForOneProgram: true)
  }

  private static func setMode(_ mode: UInt32, of path: String, elsewhere storage: MemoryBackend) async throws {
    let other = try await TestMount(TestMount.openRepository(on: storage))
    try await other.onThread { mount in
      var changes = FuseAttributeChanges()
      changes.mode = mode
      _ = try mount.fileSystem.setAttributes(of: mount.inode(path), to: changes, caller: TestMount.caller)
    }
    guard case .saved = try await other.coordinator.commit(.sync) else {
      Issue.record("a mode is a change")
      return
    }
  }

  /// The output of `command`, which another process runs in the mount.
  private static func shell(_ command: String, in path: FilePath) async throws -> String {
    try await ProcessRunner().check("sh", ["-c", #"cd "$1" && "# + command, "sh", path.string]).output
  }

  @Test(
    "forgets the attributes of a changed directory, whether the directory was listed or only looked up",
    arguments: [true, false], ["d", "d/e"])
  func directoryAttributes(isListed: Bool, changed: String) async throws {
    let storage = MemoryBackend()
    let mount = try await Self.makeMount(of: ["d/e/f"], on: storage)
    let look = "stat -c %a \(changed)"
    try await KernelMount.with(mount) { path, notifier in
      mount.kernelCache.attach { try notifier.forget($0) }
      #expect(try await Self.shell(isListed ? "ls \(changed) > /dev/null; \(look)" : look, in: path) == "755\n")
      try await Self.setMode(0o750, of: changed, elsewhere: storage)
      #expect(try await mount.coordinator.catchUp())
      #expect(try await Self.shell(look, in: path) == "750\n")
    }
  }

  @Test("forgets names that lead elsewhere, are gone or are new, and the list of a directory")
  func names() async throws {
    let storage = MemoryBackend()
    let mount = try await Self.makeMount(of: ["d/changed", "d/removed"], on: storage)
    let look = "cd d; ls; cat changed; cat removed new 2> /dev/null || true"
    try await KernelMount.with(mount) { path, notifier in
      mount.kernelCache.attach { try notifier.forget($0) }
      #expect(try await Self.shell(look, in: path) == "changed\nremoved\nd/changedd/removed")
      let other = try await TestMount(TestMount.openRepository(on: storage))
      try await other.write(Self.text("theirs"), to: "d/changed")
      try await other.remove("d/removed")
      try await other.write(Self.text("new"), to: "d/new")
      _ = try await other.coordinator.commit(.sync)
      #expect(try await mount.coordinator.catchUp())
      #expect(try await Self.shell(look, in: path) == "changed\nnew\ntheirsnew")
    }
  }

  @Test("that does not forget: a returning program is not told that the mount is up to date")
  func failingNotifier() async throws {
    let storage = MemoryBackend()
    let mount = try await Self.makeMount(of: ["d/f"], on: storage)
    let directory = try await mount.onThread { mount in
      _ = try mount.inode("d/f")
      return try mount.inode("d")
    }
    // The notifier of another mount, where the directory's inode number is that of a file: names in it can't be forgotten.
    let other = try await TestMount(TestMount.makeRepository())
    try await other.write(Self.text("1"), to: "file")
    #expect(try await other.onThread { try $0.inode("file") } == directory)
    try await KernelMount.with(other) { path, notifier in
      #expect(try await Self.shell("cat file", in: path) == "1")
      mount.kernelCache.attach { try notifier.forget($0) }
      let writer = try await TestMount(TestMount.openRepository(on: storage))
      try await writer.write(Self.text("2"), to: "d/f")
      _ = try await writer.coordinator.commit(.sync)
      #expect(try await !mount.coordinator.catchUp())
      #expect(try await mount.read("d/f") == Self.text("2"), "the mount itself shows the newest")
      mount.kernelCache.attach(nil)
    }
  }

  @Test(
    "forgets the rest although one invalidation fails, which is retried")
  func refusedName() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    for path in ["d/f", "e/f"] { try await mount.write(Self.text(path), to: path) }
    let (file, second) = try await mount.onThread { (try $0.inode("d/f"), try $0.inode("e")) }
    try await KernelMount.with(mount) { path, notifier in
      let forgotten = Locked<[RefreshPlan.Invalidation]>([])
      mount.kernelCache.attach { invalidation in
        try notifier.forget(invalidation)
        forgotten.withLock { $0.append(invalidation) }
      }
      _ = try await Self.shell("stat d/f e", in: path)
      // A name in something that is no directory, then one that is longer than any that the kernel knows, then a good one.
      let refused = RefreshPlan.Invalidation.entry("f", in: file)
      let tooLong = Name([UInt8](repeating: UInt8(ascii: "x"), count: 5000))
      let good: [RefreshPlan.Invalidation] = [.entry(tooLong, in: second), .entry("f", in: second), .inode(second)]
      let (answers, continuation) = AsyncStream.makeStream(of: Bool.self)
      mount.kernelCache.forget([refused] + good) { hasForgotten in
        continuation.yield(hasForgotten)
        if hasForgotten { continuation.finish() }
      }
      var all: [Bool] = []
      for await answer in answers {
        all.append(answer)
        if all.count == 2 { mount.kernelCache.attach(nil) }
      }
      #expect(all == [false, false, true])
      #expect(forgotten.withLock { $0 } == good)
    }
  }
}
