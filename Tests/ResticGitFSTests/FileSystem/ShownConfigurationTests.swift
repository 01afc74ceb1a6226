import FuseBridge
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Configuration files on a mount with safe configurations")
struct ShownConfigurationTests {
  private static let stored = Array("[core]\n\tbare = true\n\tsshCommand = touch x\n".utf8)
  private static let safe = ServingRules(showsSafeConfiguration: true)

  /// A repository at `path` in a new snapshot.
  private static func make(_ path: String = "r/") async throws -> MemoryBackend {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for (name, bytes) in [
      ("HEAD", Array("ref: refs/heads/main\n".utf8)), ("config", stored), ("refs/heads/config", Array("x".utf8)),
      ("objects/info/packs", []),
    ] { try await writer.write(bytes, to: path + name) }
    _ = try await writer.coordinator.commit(.sync)
    return backend
  }

  /// The bytes of a file, as the kernel reads them: it forgets the file after that.
  private static func read(_ name: String, in directory: String, _ mount: TestMount) async throws -> String {
    try await mount.onThread { mount in
      let fileSystem = mount.fileSystem
      let parent = directory.isEmpty ? Namespace.root : try mount.inode(directory)
      let inode = try fileSystem.lookup(Array(name.utf8), in: parent, caller: TestMount.caller).inode
      let handle = try fileSystem.open(inode, flags: O_RDONLY).handle
      let byteCount = try fileSystem.attributes(of: inode, handle: nil).byteCount
      let bytes = try fileSystem.read(inode, handle: handle, offset: 0, byteCount: Int(byteCount))
      #expect(try fileSystem.read(inode, handle: handle, offset: byteCount, byteCount: 4096).isEmpty)
      fileSystem.release(inode, handle: handle)
      fileSystem.forget(inode, count: 1)
      return text(Array(bytes))
    }
  }

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test("config is shown without commands, in its size, bytes and listing; a branch named config is not affected")
  func shown() async throws {
    for path in ["", "r/", "deep/down/r/"] {
      let mount = try await TestMount(TestMount.openRepository(on: Self.make(path)), rules: Self.safe)
      let text = try await Self.read("config", in: String(path.dropLast()), mount)
      #expect(text.contains("bare = \"true\"") && !text.contains("ssh"))
      #expect(Self.text(try await mount.read(path + "refs/heads/config")) == "x")
      // The kernel is to look it up: the listing carries no lookup.
      let carried = try await mount.onThread { mount in
        let directory = path.isEmpty ? Namespace.root : try mount.inode(String(path.dropLast()))
        let handle = try mount.fileSystem.openDirectory(directory, flags: O_RDONLY).handle
        var carried: [String: Bool] = [:]
        try mount.fileSystem.readDirectory(directory, handle: handle, offset: 0, countLookups: true) { entry in
          carried[Self.text(entry.name)] = entry.carriesLookup
          return true
        }
        mount.fileSystem.releaseDirectory(directory, handle: handle)
        return carried
      }
      #expect(carried["config"] == false && carried["HEAD"] == true && carried["refs"] == true)
    }
  }

  @Test(
    "config cannot be written, truncated, removed, replaced, linked or created, and goes unchanged into the next snapshot"
  )
  func unchangeable() async throws {
    let backend = try await Self.make()
    let mount = try await TestMount(TestMount.openRepository(on: backend), rules: Self.safe)
    try await mount.write(Array("[core]\n\tpager = x\n".utf8), to: "r/config.lock")
    try await mount.onThread { mount in
      let fileSystem = mount.fileSystem
      let caller = TestMount.caller
      let (directory, config) = (
        try mount.inode("r"), try fileSystem.lookup(Array("config".utf8), in: mount.inode("r"), caller: caller)
      )
      let inode = config.inode
      let name = Array("config".utf8)
      #expect(config.attributes.mode & 0o222 == 0)
      var changes = FuseAttributeChanges()
      changes.byteCount = 0
      let attempts: [(String, () throws(Errno) -> Void)] = [
        ("open", { () throws(Errno) in _ = try fileSystem.open(inode, flags: O_RDWR) }),
        ("truncate", { () throws(Errno) in _ = try fileSystem.setAttributes(of: inode, to: changes, caller: caller) }),
        ("unlink", { () throws(Errno) in try fileSystem.unlink(name, in: directory) }),
        (
          "rename over",
          { () throws(Errno) in
            try fileSystem.rename(Array("config.lock".utf8), in: directory, to: name, in: directory, mode: .replace)
          }
        ),
        (
          "rename",
          { () throws(Errno) in
            try fileSystem.rename(name, in: directory, to: Array("x".utf8), in: directory, mode: .replace)
          }
        ),
        (
          "exchange",
          { () throws(Errno) in
            try fileSystem.rename(Array("HEAD".utf8), in: directory, to: name, in: directory, mode: .exchange)
          }
        ),
        ("link", { () throws(Errno) in _ = try fileSystem.link(inode, as: Array("x".utf8), in: directory) }),
        (
          "create",
          { () throws(Errno) in
            _ = try fileSystem.create(
              Array("config.worktree".utf8), in: directory, mode: 0o644, flags: O_RDWR, caller: caller)
          }
        ),
        (
          "allocate",
          { () throws(Errno) in
            try fileSystem.allocate(inode, handle: 0, mode: 0, offset: 0, byteCount: 1000)
          }
        ),
        (
          "setxattr",
          { () throws(Errno) in
            try fileSystem.setExtendedAttribute(Array("user.x".utf8), of: inode, to: [], flags: 0)
          }
        ),
      ]
      for (what, attempt) in attempts {
        #expect(throws: Errno.notPermitted, "\(what)") { try attempt() }
      }
      fileSystem.forget(inode, count: 1)
    }
    try await mount.write([1], to: "r/other")
    guard case .saved = try await mount.coordinator.commit(.sync) else {
      Issue.record("nothing was saved")
      return
    }
    let plain = try await TestMount(TestMount.openRepository(on: backend))
    #expect(try await plain.read("r/config") == Self.stored)
  }

  /// W4 git reads the configuration of the folder that a file commondir names, and looks for HEAD in the folder of that file only.
  @Test("a common folder of several repositories counts as a repository, with and without HEAD")
  func commonFolder() async throws {
    let backend = MemoryBackend()
    let writer = try await TestMount(TestMount.makeRepository(on: backend))
    for name in ["objects/x", "refs/x"] { try await writer.write([], to: "sub/" + name) }
    try await writer.write(Self.stored, to: "sub/config")
    for name in ["HEAD", "commondir"] { try await writer.write([], to: name) }
    try await writer.write(Self.stored, to: "config.worktree")
    // A program's folder, and that of branches: git would not take these for repositories.
    for name in ["plain/config", "plain/commondir", "plain/objects", "plain/refs"] {
      try await writer.write(Self.stored, to: name)
    }
    // Files that access(2) calls executable are good enough for git.
    for name in ["odd/config", "odd/objects", "odd/refs"] { try await writer.write(Self.stored, to: name) }
    try await writer.onThread { mount in
      var changes = FuseAttributeChanges()
      changes.mode = 0o755
      for name in ["odd/objects", "odd/refs"] {
        _ = try mount.fileSystem.setAttributes(of: mount.inode(name), to: changes, caller: TestMount.caller)
      }
    }
    _ = try await writer.coordinator.commit(.sync)

    let mount = try await TestMount(TestMount.openRepository(on: backend), rules: Self.safe)
    #expect(try await !Self.read("config", in: "sub", mount).contains("ssh"))
    #expect(try await !Self.read("config.worktree", in: "", mount).contains("ssh"))
    #expect(try await !Self.read("config", in: "odd", mount).contains("ssh"))
    #expect(try await mount.read("plain/config") == Self.stored)
  }

  @Test("a file that becomes a repository's config cannot be opened in its stored form, not even by its inode number")
  func later() async throws {
    let mount = try await TestMount(TestMount.makeRepository(), rules: Self.safe)
    for (name, bytes) in [("config", Self.stored), ("HEAD", []), ("objects/x", [])] {
      try await mount.write(bytes, to: name)
    }
    #expect(try await mount.read("config") == Self.stored)
    let number = try await mount.onThread { try $0.inode("config") }
    try await mount.write([], to: "refs/x")
    try await mount.onThread { mount in
      _ = #expect(throws: Errno.staleNFSFileHandle) { try mount.fileSystem.open(number, flags: O_RDONLY) }
      // The kernel of a read-only mount opens without a word.
      _ = #expect(throws: Errno.staleNFSFileHandle) {
        try mount.fileSystem.read(number, handle: .silent, offset: 0, byteCount: 10)
      }
    }
    #expect(try await !Self.read("config", in: "", mount).contains("ssh"))
  }

  @Test(
    "a config that cannot be shown is an error with a reason: a link, a file that is too large, a file that git cannot read"
  )
  func refused() async throws {
    for (bytes, reason) in [
      (Array("[core]\n\tbare = perhaps\n".utf8), "core.bare"), (Array("[core".utf8), "line 1"),
      (Array(repeatElement(UInt8(ascii: "\n"), count: 300 << 10)), "larger than 256 KiB"), (nil, "not a regular file"),
    ] {
      let mount = try await TestMount(TestMount.makeRepository(), rules: Self.safe)
      for name in ["HEAD", "objects/x", "refs/x"] { try await mount.write([], to: name) }
      // Made before it is a configuration file.
      try await mount.onThread {
        try $0.fileSystem.rename(Array("refs".utf8), in: 1, to: Array("r".utf8), in: 1, mode: .replace)
      }
      if let bytes {
        try await mount.write(bytes, to: "config")
      } else {
        try await mount.onThread { mount in
          _ = try mount.fileSystem.makeSymbolicLink(
            Array("config".utf8), in: 1, target: Array("/etc/passwd".utf8), caller: TestMount.caller)
        }
      }
      try await mount.onThread { mount in
        try mount.fileSystem.rename(Array("r".utf8), in: 1, to: Array("refs".utf8), in: 1, mode: .replace)
        #expect(throws: Errno.notPermitted) { try mount.inode("config") }
        #expect(
          mount.fileSystem.refusals.message?.contains(reason) == true, "\(mount.fileSystem.refusals.message ?? "")")
      }
    }
  }

  @Test("a mount without safe configurations shows the stored file")
  func plain() async throws {
    let mount = try await TestMount(TestMount.openRepository(on: Self.make()))
    #expect(try await mount.read("r/config") == Self.stored)
  }
}
