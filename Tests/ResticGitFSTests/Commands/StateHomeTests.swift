import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The folder for a user's state")
struct StateHomeTests {
  private let folder: TemporaryDirectory

  init() throws {
    folder = try TemporaryDirectory()
  }

  private func find(explicit: String? = nil, home: String?, runtime: String? = nil) -> FilePath? {
    StateHome.find(explicit: explicit, home: home, runtime: runtime)
  }

  @Test("XDG_STATE_HOME counts if it is absolute, and otherwise the home folder")
  func order() {
    let own = folder.path.string
    #expect(find(explicit: "/x/state", home: own) == "/x/state")
    #expect(find(explicit: "relative", home: own) == folder.path.appending(".local/state"))
    #expect(find(home: own) == folder.path.appending(".local/state"))
  }

  @Test(
    "a home folder that is missing, a file, the root directory or another user's is ignored",
    .enabled(if: geteuid() == 0, "only root can give a folder to somebody else"))
  func unusable() throws {
    let others = folder.path.appending("others")
    try #require(mkdir(others.string, 0o755) == 0 && chown(others.string, 4711, 4711) == 0)
    let runtime = folder.path.appending("runtime")
    try #require(mkdir(runtime.string, 0o700) == 0)
    for home in [nil, "", "relative", "/", "//", "/nonexistent/home", "/etc/passwd", others.string] {
      let found = find(home: home, runtime: runtime.string)
      // The password database is asked next: root has a home folder of its own.
      #expect(
        found?.string.hasSuffix("/.local/state") == true && found?.starts(with: others) == false, "\(home ?? "nil")")
      #expect(found?.starts(with: "/.local") == false)
    }
  }
}
