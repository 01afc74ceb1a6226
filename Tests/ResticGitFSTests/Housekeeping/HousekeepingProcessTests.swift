import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("git's maintenance processes", .timeLimit(.minutes(30)))
struct HousekeepingProcessTests {
  /// A folder for git, and the one that it is in.
  private static func make(
    in bases: (FilePath) -> [FilePath] = { [$0] }
  ) async throws -> (folder: HousekeepingFolder, directory: TemporaryDirectory) {
    let directory = try TemporaryDirectory(prefix: "housekeeping")
    let repository = directory.path.appending("repository")
    _ = try await ProcessRunner().check("git", ["init", "--quiet", "--bare", repository.string])
    let folder = try HousekeepingFolder.make(
      for: repository, names: ["HEAD", "config", "objects", "refs"], head: Array("ref: refs/heads/x\n".utf8),
      configuration: [], in: bases(directory.path))
    return (folder, directory)
  }

  private static func run(
    _ arguments: [String], limit: Duration?, isStopping: () -> Bool = { false }
  ) async throws -> HousekeepingProcess.Failure? {
    let (folder, directory) = try await make()
    defer { withExtendedLifetime(directory) {} }
    do throws(HousekeepingProcess.Failure) {
      try HousekeepingProcess.run(arguments, on: folder, limit: limit, isStopping: isStopping) { _ in }
      return nil
    } catch {
      return error
    }
  }

  private static let hang = ["-c", "alias.hang=!sleep 600", "hang"]

  @Test("a process that ends in time has done its work; a failing process gives its reason in one line")
  func ends() async throws {
    #expect(try await Self.run(["pack-refs", "--all"], limit: .seconds(300)) == nil)
    let failure = try #require(try await Self.run(["repack", "--no-such-option"], limit: nil))
    #expect(failure.message.contains("git repack failed") && !failure.message.contains("\n"))
  }

  // T2 A hanging git does not block a prune for ever.
  @Test("a hanging process is killed")
  func overdue() async throws {
    let start = ContinuousClock.now
    // The program never ends, however short the limit is.
    let failure = try #require(try await Self.run(Self.hang, limit: .milliseconds(300)))
    #expect(failure.message.contains("took too long") && !failure.isStopped)
    #expect(start.duration(to: .now) < .seconds(300))
    let stopped = try #require(try await Self.run(Self.hang, limit: .seconds(3600), isStopping: { true }))
    #expect(stopped.isStopped)
  }

  // T2 A git process that has left a child behind does not block a prune for ever either.
  @Test("a child in another session that keeps the error output open is not waited for")
  func leftBehind() async throws {
    let directory = try TemporaryDirectory(prefix: "housekeeping")
    let file = directory.path.appending("process").string
    defer {
      let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""  // No file, no process.
      if let process = pid_t(text.dropLast()) { kill(process, SIGKILL) }
    }
    let leave = "alias.leave=!echo why >&2; setsid sh -c 'sleep 600 & echo $! > \(file)'; exit 3"
    let start = ContinuousClock.now
    let failure = try #require(try await Self.run(["-c", leave, "leave"], limit: nil))
    #expect(start.duration(to: .now) < .seconds(300))
    #expect(failure.message.hasSuffix(": why"))
    #expect(try pid_t(String(contentsOfFile: file, encoding: .utf8).dropLast()) != nil)
  }

  @Test("the end of a long error output is kept")
  func loud() async throws {
    let failure = try #require(
      try await Self.run(["-c", "alias.say=!yes | head -n 300000 >&2; echo why >&2; exit 3", "say"], limit: nil))
    #expect(failure.message.contains("git say failed") && failure.message.hasSuffix(": why"))
  }

  @Test("git's folder is made in the next place if the first has no space; if no place works the error names them")
  func room() async throws {
    let (folder, directory) = try await Self.make { ["/proc", $0] }
    defer { withExtendedLifetime(directory) {} }
    #expect(folder.path.removingLastComponent() == directory.path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path.string).contains("packed-refs"))
    folder.remove()
    #expect(!FileManager.default.fileExists(atPath: folder.path.string))
    let error = await #expect(throws: HousekeepingProcess.Failure.self) { try await Self.make { _ in ["/proc"] } }
    #expect(try #require(error).message.contains("/proc"))
  }

  @Test("only the folders of ended processes count as leftovers")
  func leftovers() throws {
    let directory = try TemporaryDirectory(prefix: "housekeeping")
    // Larger than any process number of Linux (2^22).
    for name in ["x-\(1 << 23)-abc", "x-\(getpid())-abc", "x-1-abc", "x-abc", "y-\(1 << 23)-abc"] {
      try FileManager.default.createDirectory(
        atPath: directory.path.appending(name).string, withIntermediateDirectories: false)
    }
    let found = PassingFolder.leftovers("x-", in: [directory.path])
    #expect(found == [directory.path.appending("x-\(1 << 23)-abc")])
  }
}
