import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("A mountpoint")
struct MountpointTests {
  private let directory: TemporaryDirectory
  private let table = MountTable(parsing: [])

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func makeFolder(_ name: String) throws -> FilePath {
    let path = directory.path.appending(name)
    guard path.withPlatformString({ mkdir($0, 0o700) }) == 0 else { throw Errno(rawValue: errno) }
    return path
  }

  private func message(_ path: FilePath, repository: FilePath? = nil, table: MountTable? = nil) -> String? {
    do throws(CommandError) {
      _ = try Mountpoint.checked(path.string, repository: repository, table: table ?? self.table)
      return nil
    } catch {
      #expect(error.exitCode == .failure)
      return error.message
    }
  }

  @Test("that is an empty folder is accepted, with its symbolic links resolved")
  func fine() throws {
    let folder = try makeFolder("mount")
    let link = directory.path.appending("link")
    #expect(symlink("mount", link.string) == 0)
    let resolved = try #require(folder.resolved())
    #expect(try Mountpoint.checked(folder.string, repository: "/srv/vault", table: table) == resolved)
    #expect(try Mountpoint.checked(link.string + "/", repository: nil, table: table) == resolved)
  }

  @Test("that is missing, a file or not empty is refused, each with its own message")
  func unusable() throws {
    #expect(message(directory.path.appending("missing"))?.contains("mkdir -p") == true)

    let file = directory.path.appending("file")
    try write([], to: file)
    #expect(message(file)?.contains("not a folder") == true)

    let full = try makeFolder("full")
    try write([], to: full.appending("..."))
    #expect(message(full)?.contains("not empty") == true)
  }

  @Test("that is an automount point is not listed: a listing would wait for the mount itself")
  func automount() throws {
    let folder = try #require(try makeFolder("automount").resolved())
    // The result of a look. A real automount point would never answer.
    try write([], to: folder.appending("file"))
    let table = MountTable(
      parsing: Array("40 22 0:35 / \(folder) rw,relatime - autofs systemd-1 rw,fd=40,pgrp=1,direct\n".utf8))
    #expect(message(folder, table: table) == nil)
    #expect(message(folder)?.contains("not empty") == true)
  }

  @Test("inside the repository, or around it, is refused, also through symbolic links")
  func nested() throws {
    let repository = try makeFolder("vault")
    let inside = try makeFolder("vault/data")
    let link = directory.path.appending("link")
    #expect(symlink("vault/data", link.string) == 0)
    let other = directory.path.appending("other")
    #expect(symlink("vault", other.string) == 0)

    #expect(message(repository, repository: repository)?.contains("lies in the repository") == true)
    #expect(message(inside, repository: repository)?.contains("lies in the repository") == true)
    #expect(message(link, repository: other)?.contains("lies in the repository") == true)
    #expect(message(directory.path, repository: other)?.contains("lies in the mountpoint") == true)
    // A name that only begins alike is another folder.
    #expect(message(try makeFolder("vault2"), repository: repository) == nil)
  }

  @Test("that is a mount of this program already is refused")
  func mounted() throws {
    let folder = try makeFolder("mount")
    let resolved = try #require(folder.resolved())
    let line = "36 22 0:31 / \(resolved) rw - fuse.restic-gitfs restic:/srv/vault rw,user_id=0\n"
    #expect(message(folder, table: MountTable(parsing: Array(line.utf8)))?.contains("umount") == true)
  }

  @Test("that another process keeps locked is refused after some seconds")
  func keptLock() throws {
    let folder = try makeFolder("mount")
    let holder = open(folder.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    try #require(holder >= 0 && flock(holder, LOCK_EX) == 0)
    defer { close(holder) }
    #expect {
      try MountpointLock.mounting(at: folder) { Issue.record("mounted without the lock") }
    } throws: {
      ($0 as? CommandError)?.message?.contains("holds a lock on \(folder)") == true
    }
    flock(holder, LOCK_UN)
    var isMounted = false
    try MountpointLock.mounting(at: folder) { isMounted = true }
    #expect(isMounted)
  }
}
