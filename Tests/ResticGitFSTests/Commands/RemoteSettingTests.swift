import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("Errors about settings of git's configuration")
struct RemoteSettingTests {
  @Test(
    "name the setting that holds the value, for every setting that becomes an option",
    arguments: [
      ("--keep-last=many", "resticKeep"), ("--keep-within=1w", "resticKeep"), ("--keep-nothing=1", "resticKeep"),
      ("--path=relative", "resticPath"), ("--keep-alive=soon", "resticKeepAlive"),
    ])
  func parsed(argument: String, setting: String) async throws {
    let program = try ProgramRunner()
    let arguments = ["mount", "--remote-name=my.origin", argument, "-r", "/nowhere", "/nowhere"]
    let result = try await program.run(arguments)
    #expect(result.status == .exited(1))
    #expect(result.errorOutput.hasPrefix("restic-gitfs: remote.my.origin.\(setting): "), "\(result.errorOutput)")
    // Who gives the option itself knows it.
    let own = try await program.run(arguments.filter { !$0.hasPrefix("--remote-name") })
    #expect(!own.errorOutput.contains("remote."), "\(own.errorOutput)")
  }

  @Test("name it if the value is refused later, too")
  func later() {
    let arguments = ["mount", "--remote-name=o"]
    func naming(_ message: String) -> String { RemoteSetting.naming(message, arguments: arguments) }
    #expect(naming("option \"rest.x\" is not known").hasPrefix("remote.o.resticOption: "))
    #expect(naming("--git-folder is for …").hasPrefix("remote.o.resticSubfolder: "))
    #expect(naming("wrong password") == "wrong password")
    #expect(RemoteSetting.naming("--path 'x'", arguments: ["mount", "--", "--remote-name=o"]) == "--path 'x'")
  }
}
