import ArgumentParser
import Logging
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

// K1 The cache is where restic has it, and holds no copy of what is at hand.
@Suite("The place and the content of the cache")
struct CacheOptionsTests {
  private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func place(
    _ arguments: [String], _ environment: [Environment.Variable: String] = [:], _ location: String = "rest:http://nas/",
    on backend: any Backend = MemoryBackend()
  ) async throws -> CachePlace? {
    try await RepositoryOptions.parse(arguments).cache.place(
      for: try BackendLocation.parse(location), on: backend, logger: logger, Environment(environment))
  }

  @Test("options win over variables, and variables over the home folder; without any of them there is no cache")
  func order() async throws {
    let variables: [Environment.Variable: String] = [.cacheFolder: "/b", .cacheHome: "/c", .home: "/d"]
    #expect(try await place(["--cache-dir", "/a"], variables)?.folder == "/a")
    #expect(try await place([], variables)?.folder == "/b")
    #expect(try await place([], [.cacheHome: "/c", .home: "/d"])?.folder == "/c/restic")
    #expect(try await place([], [.home: "/d"])?.folder == "/d/.cache/restic")
    #expect(try await place([], [:]) == nil)
    #expect(try await place(["--no-cache", "--cache-dir", "/a"], variables) == nil)
    #expect(try await place(["--cache-dir", "relative"])?.folder.isAbsolute == true)
  }

  @Test("files of a server are cached, files on a disk of this machine are not")
  func files() async throws {
    let directory = try TemporaryDirectory()
    let local = LocalBackend(path: directory.path)
    try await local.create()
    #expect(try await place([], [.home: "/d"], directory.path.string, on: local)?.keepsFiles == false)
    // As a network file system.
    #expect(try await place([], [.home: "/d"], directory.path.string)?.keepsFiles == true)
    #expect(try await place([], [.home: "/d"])?.keepsFiles == true)
  }
}
