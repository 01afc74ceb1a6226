import FuseBridge
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

// A known file is opened, read and closed on a read-only mount without a request; on a writable one the open is told.
@Suite("The kernel's requests when files are opened", .serialized)
struct FuseSilentOpeningTests {
  private static let count = 40

  private static var fileSystem: MemoryFileSystem {
    let fileSystem = MemoryFileSystem()
    for number in 0..<count { fileSystem.plant("f\(number)", content: Array("content \(number)".utf8)) }
    return fileSystem
  }

  /// Reads every file, as git its refs: looked at, opened, read to its end and closed.
  private static let pass = """
    for name in sorted(os.listdir('.')):
        os.lstat(name)
        f = os.open(name, os.O_RDONLY)
        assert os.read(f, 4096) == b'content ' + name[1:].encode(), name
        assert os.read(f, 4096) == b''
        os.close(f)

    """

  @Test("a read-only mount gets no open and close requests, and a second pass over its files makes no request")
  func readOnly() throws {
    let fileSystem = Self.fileSystem
    fileSystem.allowSilentOpening()
    var options = Mount.options
    options.readOnly = true
    try Mount.with(fileSystem, options: options) { mount in
      try Client.python(Self.pass, in: mount.path)
      #expect(fileSystem.callCounts["read"] == Self.count)
      for call in ["open", "release", "openDirectory", "releaseDirectory"] {
        #expect(fileSystem.callCounts[call] == nil, "\(call)")
      }
      fileSystem.resetCallCounts()
      try Client.python(Self.pass + Self.pass, in: mount.path)
      #expect(fileSystem.callCounts == [:])
    }
  }

  @Test("after an invalidation a read-only mount reads the file again, also through an open descriptor")
  func changed() throws {
    let fileSystem = MemoryFileSystem()
    fileSystem.allowSilentOpening()
    fileSystem.plant("f", content: Array("old".utf8))
    var options = Mount.options
    options.readOnly = true
    try Mount.with(fileSystem, options: options) { mount in
      let read = "assert open('f', 'rb').read() == b'%@'"
      try Client.python(read.replacing("%@", with: "old"), in: mount.path)
      let inode = try #require(fileSystem.inode(at: "f"))
      fileSystem.replaceContent(of: inode, by: Array("new".utf8))
      try mount.session.notifier.invalidateInode(inode)
      try Client.python(read.replacing("%@", with: "new"), in: mount.path)
      #expect(fileSystem.callCounts["open"] == nil)
    }
  }

  @Test("a read-only mount refuses every change")
  func refusal() throws {
    let fileSystem = Self.fileSystem
    fileSystem.allowSilentOpening()
    var options = Mount.options
    options.readOnly = true
    try Mount.with(fileSystem, options: options) { mount in
      try Client.python(
        """
        for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC, os.O_CREAT | os.O_WRONLY):
            fails(errno.EROFS, os.open, 'f0', flags)
        fails(errno.EROFS, os.open, 'new', os.O_CREAT | os.O_WRONLY)
        fails(errno.EROFS, os.truncate, 'f0', 0)
        """, in: mount.path)
    }
  }

  @Test("a writable mount gets a request for each open and close")
  func writable() throws {
    let fileSystem = Self.fileSystem
    try Mount.with(fileSystem) { mount in
      try Client.python(Self.pass + Self.pass, in: mount.path)
      #expect(fileSystem.callCounts["open"] == 2 * Self.count)
    }
  }

  @Test("a listing brings back the attributes that the kernel forgot at a close")
  func listedAttributes() throws {
    let fileSystem = Self.fileSystem
    fileSystem.relistDirectories()
    try Mount.with(fileSystem) { mount in
      try Client.python(Self.pass, in: mount.path)
      fileSystem.resetCallCounts()
      try Client.python(Self.pass, in: mount.path)
      #expect(fileSystem.callCounts["attributes", default: 0] <= 2)
      #expect(fileSystem.callCounts["readDirectoryPlus", default: 0] > 0)
    }
  }

  @Test("on request the kernel forgets unused inodes, and keeps the inodes of open files")
  func pruning() throws {
    let fileSystem = Self.fileSystem
    try Mount.with(fileSystem) { mount in
      let inodes = (0..<Self.count).compactMap { fileSystem.inode(at: "f\($0)") }
      let program = "f = open('f0'); [os.lstat(name) for name in os.listdir('.')]; os.mkdir('ready'); time.sleep(3600)"
      let child = try Client.startPython(program, in: mount.path, output: 2)
      defer {
        kill(child, SIGKILL)
        waitpid(child, nil, 0)
      }
      try waitBlocking { fileSystem.inode(at: "ready") != nil }
      #expect(fileSystem.lookedUp.isSuperset(of: inodes))
      guard try mount.session.notifier.prune([4_711] + inodes) else { return }  // before Linux 6.18
      let open = try #require(fileSystem.inode(at: "f0"))
      // The kernel sends FORGET when it wants.
      try waitBlocking { fileSystem.lookedUp.isDisjoint(with: Set(inodes).subtracting([open])) }
      #expect(fileSystem.lookedUp.intersection(inodes) == [open])
      try Client.python("assert open('f1').read() == 'content 1'", in: mount.path)
    }
  }
}
