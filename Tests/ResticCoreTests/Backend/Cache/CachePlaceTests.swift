import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

// K1 The cache is where restic has it.
@Suite("The place of caches")
struct CachePlaceTests {
  @Test("the order is --cache-dir, RESTIC_CACHE_DIR, XDG_CACHE_HOME, HOME; without any of them there is no place")
  func order() {
    func place(_ explicit: String?, _ variable: String?, _ cacheHome: String?, _ home: String?) -> FilePath? {
      CachePlace.folder(explicit: explicit, variable: variable, cacheHome: cacheHome, home: home)
    }
    #expect(place("/a", "/b", "/c", "/d") == "/a")
    #expect(place(nil, "/b", "/c", "/d") == "/b")
    #expect(place("", "", "/c", "/d") == "/c/restic")
    #expect(place(nil, nil, nil, "/d") == "/d/.cache/restic")
    #expect(place(nil, nil, "relative", "/d") == "/d/.cache/restic")
    #expect(place("relative", nil, nil, nil) == "relative")
    #expect(place(nil, nil, nil, nil) == nil && place(nil, nil, "", "relative") == nil)
  }

  @Test(
    "only caches that nobody has used for 30 days are removed: no younger caches, no other names, nothing behind a link"
  )
  func cleanup() throws {
    let test = try CacheTestFolder()
    let id = String(repeating: "ab", count: 32)
    let others = [
      "CACHEDIR.TAG-folder", String(id.dropLast()), "\(id)0", "restic-check-cache-", "restic-check-cache-x",
    ]
    let old = [id, id.uppercased(), "restic-check-cache-12"]
    let young = String(repeating: "cd", count: 32)
    let target = test.outside.appending("target")
    for name in old + others + [young] {
      let folder = test.base.appending(name).appending("data").appending("00")
      try CacheTestFolder.makeFolder(folder)
      try CacheTestFolder.write([1], to: folder.appending("file"))
    }
    try CacheTestFolder.makeFolder(target)
    try CacheTestFolder.write([1], to: target.appending("file"))
    #expect(symlink(target.string, test.base.appending(id).appending("link").string) == 0)
    let link = String(repeating: "ef", count: 32)
    #expect(symlink(target.string, test.base.appending(link).string) == 0)
    var times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
    for name in old + others + [link] {
      #expect(utimensat(AT_FDCWD, test.base.appending(name).string, &times, AT_SYMLINK_NOFOLLOW) == 0)
    }
    let cleanup = CacheCleanup(in: test.base)
    #expect(cleanup.count == old.count)
    #expect(cleanup.run() == [])
    let left = Set(try FileManager.default.contentsOfDirectory(atPath: test.base.string))
    #expect(left == Set(others + [young, link]))
    #expect(FileManager.default.fileExists(atPath: target.appending("file").string))
    #expect(CacheCleanup(in: test.base).count == 0 && CacheCleanup(in: test.outside.appending("nothing")).count == 0)
  }
}
