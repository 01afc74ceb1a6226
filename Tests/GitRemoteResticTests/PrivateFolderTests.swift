import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import GitRemoteRestic

@Suite("The folder of private mounts is closed to others", .timeLimit(.minutes(30)))
struct PrivateFolderTests {
  private let directory: TemporaryDirectory

  init() throws {
    directory = try TemporaryDirectory()
  }

  /// The folder, where `variable` names the test's own folder.
  private func make(_ variable: String) throws(HelperError) -> FilePath {
    try PrivateFolder(ProcessEnvironment(values: [variable: directory.path.string])).path
  }

  private static func mode(_ path: FilePath) -> mode_t? {
    var attributes = stat()
    return path.withPlatformString { lstat($0, &attributes) } == 0 ? attributes.st_mode & 0o7777 : nil
  }

  @Test("a new folder is the owner's alone", arguments: ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"])
  func new(variable: String) throws {
    let path = try make(variable)
    #expect(path.starts(with: directory.path) && path != directory.path)
    #expect(Self.mode(path) == 0o700)
    #expect(try make(variable) == path)
  }

  @Test(
    "a folder that is open to anybody is refused", arguments: [0o701, 0o710, 0o704, 0o770, 0o777, 0o755] as [mode_t])
  func open(mode: mode_t) throws {
    for variable in ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME"] {
      let path = try make(variable)
      #expect(chmod(path.string, mode) == 0)
      let error = #expect(throws: HelperError.self) { try make(variable) }
      #expect("\(try #require(error))".contains(path.string))
      #expect(chmod(path.string, 0o700) == 0)
      #expect(try make(variable) == path)
    }
  }

  @Test("a folder of another user is refused", .enabled(if: getuid() == 0, "giving a folder away needs root"))
  func foreign() throws {
    let path = try make("XDG_STATE_HOME")
    #expect(chown(path.string, 4711, 4711) == 0)
    #expect(throws: HelperError.self) { try make("XDG_STATE_HOME") }
  }

  @Test("a symbolic link and a file are refused", arguments: [true, false])
  func noFolder(isLink: Bool) throws {
    let path = try make("XDG_STATE_HOME")
    #expect(rmdir(path.string) == 0)
    if isLink {
      let elsewhere = directory.path.appending("elsewhere").string
      #expect(mkdir(elsewhere, 0o700) == 0)
      #expect(symlink(elsewhere, path.string) == 0)
    } else {
      #expect(close(creat(path.string, 0o700)) == 0)
    }
    #expect(throws: HelperError.self) { try make("XDG_STATE_HOME") }
  }

  @Test("a runtime folder that is open to others is not used")
  func openRuntimeFolder() throws {
    let open = directory.path.appending("run")
    #expect(mkdir(open.string, 0o700) == 0 && chmod(open.string, 0o755) == 0)
    let values = ["XDG_RUNTIME_DIR": open.string, "XDG_STATE_HOME": directory.path.string]
    let path = try PrivateFolder(ProcessEnvironment(values: values)).path
    #expect(path == directory.path.appending("restic-gitfs").appending("remote"))
    #expect(Self.mode(open.appending("restic-gitfs")) == nil)
  }
}
