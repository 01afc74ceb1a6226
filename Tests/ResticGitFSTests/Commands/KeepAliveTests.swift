import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The file by which the next program finds a mount", .timeLimit(.minutes(30)))
struct KeepAliveTests {
  private let directory: TemporaryDirectory
  private let file: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    file = directory.path.appending("kept-1")
  }

  private func write(_ text: String) throws -> FileDescriptor {
    let descriptor = try FileDescriptor.open(
      file, .readWrite, options: [.create, .truncate], permissions: .ownerReadWrite)
    try descriptor.writeAll(text.utf8)
    return descriptor
  }

  private var isThere: Bool { access(file.string, F_OK) == 0 }

  private func makeKeepAlive() throws -> KeepAlive {
    try KeepAlive(file: file, mountpoint: directory.path.appending("remote-1-abc"), duration: .seconds(60))
  }

  @Test("a mount that ends removes the file if the file names that mount or none", arguments: ["remote-1-abc", ""])
  func own(text: String) throws {
    try write(text).close()
    try makeKeepAlive().removeFile()
    #expect(!isThere)
  }

  @Test(
    "a mount that ends leaves a file that names another mount",
    arguments: ["remote-2-def", "remote-1-abcd", "remote-1-ab", "\n"])
  func foreign(text: String) throws {
    try write(text).close()
    try makeKeepAlive().removeFile()
    #expect(isThere)
  }

  @Test(
    "a mount that ends leaves a file that a program has locked, whatever the file names",
    arguments: ["remote-1-abc", ""])
  func held(text: String) throws {
    let descriptor = try write(text)
    defer { #expect(throws: Never.self) { try descriptor.close() } }
    #expect(flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0)
    let keepAlive = try makeKeepAlive()
    keepAlive.removeFile()
    #expect(isThere)
    #expect(flock(descriptor.rawValue, LOCK_UN) == 0)
    keepAlive.removeFile()
    #expect(!isThere)
  }

  @Test("a mount that ends leaves a new file in place of the removed one")
  func replaced() throws {
    try write("remote-1-abc").close()
    let keepAlive = try makeKeepAlive()
    #expect(unlink(file.string) == 0)
    try write("remote-1-abc").close()
    keepAlive.removeFile()
    #expect(isThere)
  }
}
