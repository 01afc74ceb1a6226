import ResticCore
import Testing

@testable import ResticGitFS

@Suite("Exit codes")
struct ExitCodeTests {
  @Test("are restic's")
  func numbers() {
    #expect(ExitCode.allCases.map(\.rawValue) == [0, 1, 3, 10, 11, 12, 130])
  }

  @Test(
    "distinguish a missing repository, a lock, a wrong password and a conflict from other errors",
    arguments: [
      (RepositoryError.noRepository("x"), ExitCode.noRepository), (.backend(.missing("x")), .noRepository),
      (.otherRepository("x"), .noRepository), (.unstorableTime("x"), .failure), (.locked("x"), .locked),
      (.wrongPassword, .wrongPassword), (.alreadyInitialized("x"), .failure),
      (.lockLost("x"), .failure), (.damaged("x"), .failure), (.unsupportedVersion(3), .failure),
      (.noSnapshot("x"), .failure), (.backend(.unavailable("x")), .failure), (.backend(.noSpace("x")), .failure),
      (.backend(.notFound(.config)), .failure), (.cancelled, .interrupted),
    ])
  func mapping(error: RepositoryError, code: ExitCode) throws {
    let told = CommandError(error, location: "/srv/vault")
    #expect(told.exitCode == code)
    #expect(!told.description.isEmpty && !told.description.contains("\n"))
  }

  @Test("of a conflict is 3")
  func conflict() throws {
    let id = try #require(SnapshotID(hex: String(repeating: "ab", count: 32)))
    #expect(MountOutcome.conflict(snapshot: id.hex, message: "x").exitCode == .partial)
    #expect(MountOutcome.committed(snapshot: id.hex).exitCode == .success)
    #expect(MountOutcome.clean(snapshot: nil).exitCode == .success)
    #expect(MountOutcome.failed(message: "x").exitCode == .failure)
  }

  @Test("come with advice: the error for a missing repository names the command that creates one")
  func hint() {
    let message = CommandError(.noRepository("x"), location: "/srv/vault").description
    #expect(message.contains("`restic-gitfs init -r /srv/vault`"))
  }
}
