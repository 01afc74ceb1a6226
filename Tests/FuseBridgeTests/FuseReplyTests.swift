import Glibc
import Synchronization
import SystemPackage
import Testing

@testable import FuseBridge

@Suite("A reply that does not reach the kernel is undone")
struct FuseReplyTests {
  private let fileSystem = MemoryFileSystem()
  private let nobody = FuseCaller(userID: 0, groupID: 0, processID: 0)

  private func deliver(_ reply: FuseReply, result: Int32) {
    reply.deliver(undoingOn: fileSystem) { _ in result }
  }

  @Test("a lookup is forgotten only if the reply failed", arguments: [0, -ENOENT, -ENODEV])
  func lookup(result: Int32) throws {
    fileSystem.plant("f", content: [])
    deliver(.entry(try fileSystem.lookup(Array("f".utf8), in: 1, caller: nobody)), result: result)
    #expect(fileSystem.heldByKernel.lookups == (result == 0 ? 1 : 0))
    #expect(fileSystem.violations == [])
  }

  @Test("an open file is released only if the reply failed", arguments: [0, -ENOENT])
  func open(result: Int32) throws {
    fileSystem.plant("f", content: [])
    let inode = try #require(fileSystem.inode(at: "f"))
    deliver(.opened(inode, try fileSystem.open(inode, flags: O_RDWR)), result: result)
    deliver(.openedDirectory(1, try fileSystem.openDirectory(1, flags: O_RDONLY)), result: result)
    #expect(fileSystem.heldByKernel.handles == (result == 0 ? 2 : 0))
    #expect(fileSystem.violations == [])
  }

  @Test("a created file is released and forgotten only if the reply failed", arguments: [0, -ENOENT])
  func create(result: Int32) throws {
    let (entry, file) = try fileSystem.create(
      Array("f".utf8), in: 1, mode: S_IFREG | 0o600, flags: O_RDWR, caller: nobody)
    deliver(.created(entry, file), result: result)
    #expect(fileSystem.heldByKernel == (result == 0 ? (1, 1) : (0, 0)))
    #expect(fileSystem.inode(at: "f") != nil)
    #expect(fileSystem.violations == [])
  }

  @Test(
    "the lookups of a listing are forgotten only if the reply failed; a plain listing has no lookups",
    arguments: [0, -ENOENT, -ENODEV], [true, false])
  func listing(result: Int32, carriesLookups: Bool) throws {
    // libfuse takes the request here and does not look at it.
    let request = try #require(OpaquePointer(bitPattern: 8))
    var listing = FuseListing(
      limit: 4096, carriesLookups: carriesLookups, timeouts: FuseTimeouts(FuseMountOptions(fileSystemName: "test")))
    for name in [".", "..", "f", "g"] {
      let isDot = name.hasPrefix(".")
      if !isDot { fileSystem.plant(name, content: []) }
      let found =
        isDot || !carriesLookups
        ? FuseEntry(inode: 1, attributes: try fileSystem.attributes(of: 1, handle: nil))
        : try fileSystem.lookup(Array(name.utf8), in: 1, caller: nobody)
      let entry = FuseDirectoryEntry(
        name: Array(name.utf8), inode: found.inode, attributes: found.attributes, nextOffset: 1)
      let isTaken = listing.append(entry, of: request)
      #expect(isTaken)
    }
    deliver(.listing(listing), result: result)
    #expect(fileSystem.heldByKernel.lookups == (result == 0 && carriesLookups ? 2 : 0))
    #expect(fileSystem.violations == [])
  }

  @Test("other replies have nothing to undo")
  func others() {
    let replies: [FuseReply] = [
      .none, .success, .failure(.ioError), .negativeEntry, .target([1]), .bytes([1]), .written(1), .neededByteCount(1),
    ]
    for reply in replies { deliver(reply, result: -ENOENT) }
    #expect(fileSystem.callCounts == [:])
    #expect(fileSystem.violations == [])
  }

  @Test("a reply carries every errno of Linux unchanged, but ENOSYS as EOPNOTSUPP and any other number as EIO")
  func replyCodes() {
    let unassigned: [Int32] = [41, 58]
    for code in Int32(1)...133 where code != Glibc.ENOSYS && !unassigned.contains(code) {
      #expect(Errno(rawValue: code).replyCode == code)
    }
    #expect(Errno.noFunction.replyCode == Glibc.EOPNOTSUPP)
    for code in unassigned + [0, -1, -5, 134, 511, 512, 1_000, Int32.max, Int32.min] {
      #expect(Errno(rawValue: code).replyCode == Glibc.EIO)
    }
  }
}
