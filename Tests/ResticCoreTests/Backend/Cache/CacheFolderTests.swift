import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// K1, K3 The cache has restic's place and layout, and touches nothing of others.
@Suite("CacheFolder", .timeLimit(.minutes(30)))
struct CacheFolderTests {
  private let test: CacheTestFolder
  private let cache: CacheFolder
  private let file: BackendFile

  init() throws {
    test = try CacheTestFolder()
    let id: ID<Never> = SHA256.id(of: Array("a repository".utf8))
    cache = CacheFolder(base: test.base, repository: id)
    file = .index(SHA256.id(of: Array("content".utf8)))
  }

  private var content: PooledBytes { PooledBytes(copying: Array("content".utf8)) }
  private var path: FilePath {
    cache.path.appending("index").appending(String(file.name.prefix(2))).appending(file.name)
  }

  @Test("the folder has restic's layout and permissions, and creating it twice does no harm")
  func layout() throws {
    try cache.prepare()
    try cache.prepare()
    let tag = test.base.appending("CACHEDIR.TAG")
    #expect(try CacheTestFolder.bytes(tag) == Array("Signature: 8a477f597d28d172789f06886806bc55\n".utf8))
    let version = cache.path.appending("version")
    #expect(try CacheTestFolder.bytes(version) == [UInt8(ascii: "1")])
    try cache.save(file, content)
    #expect(try cache.load(file, range: nil)?.array == content.array)
    #expect(try cache.names(of: .index) == [file])
    let folders =
      [test.base, cache.path, path.removingLastComponent()]
      + ["data", "index", "snapshots"].map { cache.path.appending($0) }
    for folder in folders { #expect(try CacheTestFolder.status(folder).st_mode == S_IFDIR | 0o700) }
    #expect(try CacheTestFolder.status(path).st_mode == S_IFREG | 0o600)
    for file in [tag, version] { #expect(try CacheTestFolder.status(file).st_mode & 0o600 == 0o600) }
    #expect(try cache.remove(file) && !cache.remove(file))
    #expect(try cache.load(file, range: nil) == nil)
  }

  @Test("the folder's time says when it was last used")
  func time() throws {
    try cache.prepare()
    var old = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, cache.path.string, &old, 0) == 0)
    try cache.prepare()
    #expect(try CacheTestFolder.status(cache.path).st_mtim.tv_sec > 1_700_000_000)
  }

  @Test(
    "a folder of another version, or with something else in place of the version, is no cache",
    arguments: ["2", "10", "x", "1\n", "link", "folder"])
  func version(text: String) throws {
    try cache.prepare()
    let version = cache.path.appending("version")
    try CacheTestFolder.remove(version)
    switch text {
    case "link":
      try CacheTestFolder.write([UInt8(ascii: "1")], to: test.outside.appending("version"))
      #expect(symlink(test.outside.appending("version").string, version.string) == 0)
    case "folder": try CacheTestFolder.makeFolder(version)
    default: try CacheTestFolder.write(Array(text.utf8), to: version)
    }
    #expect(throws: CacheFailure.self) { try cache.prepare() }
  }

  @Test("an incomplete version file of a dead process is written again")
  func emptyVersion() throws {
    try cache.prepare()
    try CacheTestFolder.write([], to: cache.path.appending("version"))
    try cache.prepare()
    #expect(try CacheTestFolder.bytes(cache.path.appending("version")) == [UInt8(ascii: "1")])
  }

  @Test("a range is read if the file has all of it, and otherwise nothing")
  func ranges() throws {
    try cache.prepare()
    try cache.save(file, content)
    #expect(try cache.load(file, range: 2..<5)?.array == Array("nte".utf8))
    #expect(try cache.load(file, range: 7..<7)?.array == [])
    #expect(try cache.load(file, range: 2..<8) == nil)
    #expect(try cache.load(file, range: 0..<Int.max) == nil)
  }

  @Test(
    "anything but a plain file of this user is not read, and is replaced unless it is a folder",
    arguments: CacheTestFolder.Replacement.allCases)
  func replaced(by replacement: CacheTestFolder.Replacement) throws {
    try cache.prepare()
    try cache.save(file, content)
    guard try replacement.put(at: path) else { return }
    let isFile = [.empty, .truncated, .flipped].contains(replacement)
    #expect(try (cache.load(file, range: nil) != nil) == isFile)
    if replacement == .folder {
      #expect(throws: Errno.self) { try cache.save(file, content) }
    } else {
      try cache.save(file, content)
      #expect(try cache.load(file, range: nil)?.array == content.array)
    }
  }

  @Test("a link in place of a folder is not followed, and its target stays unchanged", arguments: [0, 1, 2])
  func linkedFolder(depth: Int) throws {
    try cache.prepare()
    try cache.save(file, content)
    let folder = [cache.path, cache.path.appending("index"), path.removingLastComponent()][depth]
    let moved = test.outside.appending("moved")
    try FileManager.default.moveItem(atPath: folder.string, toPath: moved.string)
    #expect(symlink(moved.string, folder.string) == 0)
    let before = FileManager.default.subpaths(atPath: moved.string)
    #expect(throws: (any Error).self) { try cache.load(file, range: nil) }
    #expect(throws: (any Error).self) { try cache.save(file, content) }
    #expect(throws: (any Error).self) { try cache.remove(file) }
    if depth < 2 { #expect(throws: CacheFailure.self) { try cache.prepare() } }
    #expect(FileManager.default.subpaths(atPath: moved.string) == before)
  }

  @Test("the folder for all caches may be a link")
  func linkedBase() throws {
    let real = test.outside.appending("real")
    try CacheTestFolder.makeFolder(real)
    try CacheTestFolder.makeFolder(test.base.removingLastComponent())
    #expect(symlink(real.string, test.base.string) == 0)
    try cache.prepare()
    try cache.save(file, content)
    #expect(try cache.load(file, range: nil) != nil)
  }

  @Test(
    "another user's folder is not used", .enabled(if: geteuid() == 0, "only root can give files away"),
    arguments: [0, 1, 2])
  func foreignFolder(depth: Int) throws {
    try cache.prepare()
    let folder = [test.base, cache.path, cache.path.appending("index")][depth]
    #expect(chown(folder.string, 12345, 12345) == 0)
    #expect(throws: CacheFailure.self) { try cache.prepare() }
  }

  @Test("a folder that cannot be created is an error that names the place: below a file, on a read-only file system")
  func noPlace() throws {
    try CacheTestFolder.write([], to: test.outside.appending("file"))
    for base in [test.outside.appending("file").appending("cache"), "/proc/nothing"] {
      let failure = #expect(throws: CacheFailure.self) {
        try CacheFolder(base: base, repository: SHA256.id(of: [1])).prepare()
      }
      #expect(failure?.description.contains(base.string) == true)
    }
  }

  @Test("a cache that is removed meanwhile counts as empty, without an error")
  func removed() throws {
    try cache.prepare()
    try CacheTestFolder.remove(cache.path)
    try cache.save(file, content)
    #expect(try cache.load(file, range: nil) == nil && !cache.remove(file))
    try cache.prepare()
    try CacheTestFolder.remove(cache.path.appending("index"))
    try cache.save(file, content)
    #expect(try cache.load(file, range: nil) != nil)
  }

  @Test("unfinished files are removed after an hour, and files that are being written stay")
  func leftovers() throws {
    try cache.prepare()
    try cache.save(file, content)
    let (old, new) = (path.removingLastComponent().appending("tmp-1"), path.removingLastComponent().appending("tmp-2"))
    for path in [old, new] { try CacheTestFolder.write([1], to: path) }
    var times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
    #expect(utimensat(AT_FDCWD, old.string, &times, 0) == 0)
    #expect(try cache.names(of: .index) == [file])
    #expect(!FileManager.default.fileExists(atPath: old.string) && FileManager.default.fileExists(atPath: new.string))
  }
}
