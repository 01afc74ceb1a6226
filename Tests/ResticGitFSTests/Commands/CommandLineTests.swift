import FoundationEssentials
import ProgramVersion
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The program, without a terminal")
struct CommandLineTests {
  private let program: ProgramRunner

  init() throws {
    program = try ProgramRunner()
  }

  @Test("creates a repository with a password from standard input, and opens it with RESTIC_PASSWORD")
  func wholeWay() async throws {
    let created = try await program.run(["init", "-r", "vault"], input: "geheim\n")
    #expect(created.isSuccess)
    #expect(created.output.hasPrefix("created restic repository "))
    #expect(created.output.contains("password"))
    #expect(created.errorOutput.isEmpty)

    let listed = try await program.run(["-r", "vault", "snapshots", "--json"], ["RESTIC_PASSWORD": "geheim"])
    #expect(listed.isSuccess && listed.output == "[]\n" && listed.errorOutput.isEmpty)

    // Once more: nothing is touched, and nothing is read from standard input.
    let again = try await program.run(["init", "-r", "vault"])
    #expect(again.status == .exited(1) && again.errorOutput.contains("already"))

    let wrong = try await program.run(["snapshots", "-r", "vault"], ["RESTIC_PASSWORD": "falsch"])
    #expect(wrong.status == .exited(12) && wrong.output.isEmpty)
  }

  @Test("passes neither RESTIC_PASSWORD nor its blocked signals to the password command")
  func children() async throws {
    let script = program.directory.appending("command")
    try write(
      Array("test -z \"$RESTIC_PASSWORD\" && grep -q '^SigBlk:[^1-9a-f]*$' /proc/self/status && echo geheim\n".utf8),
      to: script)
    #expect(try await program.run(["init", "-q", "-r", "vault"], input: "geheim\n").isSuccess)
    let result = try await program.run(
      ["snapshots", "-r", "vault", "--password-command", "/bin/sh command"], ["RESTIC_PASSWORD": "other"])
    #expect(result.isSuccess, "\(result.errorOutput)")
  }

  @Test("answers common mistakes with advice in one line")
  func advice() async throws {
    for (line, words) in [
      ("monut", "\"mount\""), ("unmount m", "\"umount\""), ("check", "a command of restic"),
      ("umount -a", "name the mountpoint"),
      ("umount", "name the mountpoint"), ("mount vault m", "mount -r vault m"),
      ("snapshots -r v --path git", "absolute"),
    ] {
      let result = try await program.run(line.split(separator: " ").map(String.init))
      #expect(result.status == .exited(1) && result.output.isEmpty)
      #expect(result.errorOutput.contains(words) && result.errorOutput.split(separator: "\n").count == 1, "\(result)")
    }
  }

  @Test("accepts restic's options without an effect here, and --verbose=2; both programs print their version")
  func resticOptions() async throws {
    #expect(try await program.run(["init", "-q", "-r", "vault", "--no-cache"], input: "geheim\n").isSuccess)
    let listed = try await program.run(
      ["--verbose=2", "--no-cache", "-r", "vault", "snapshots", "--json"],
      ["RESTIC_PASSWORD": "geheim", "RESTIC_COMPRESSION": "fastest"])
    #expect(listed.isSuccess && listed.output == "[]\n", "\(listed)")
    let helper = try TerminalProcess.program.removingLastComponent().appending("git-remote-restic")
    let version = try await program.run(helper.string, ["--version"])
    #expect(version.isSuccess && version.output.hasPrefix("git-remote-restic \(Version.current)"))
  }

  private static let mistakes: [(arguments: String, code: Int32)] = [
    ("bogus", 1), ("mount", 1), ("mount -r vault", 1), ("snapshots", 1), ("snapshots --bogus", 1),
    ("snapshots -r missing", 10), ("snapshots -r /proc", 10), ("init -r v --repository-version 3", 1),
    ("mount -f -r missing .", 10), ("sync /", 1), ("umount missing", 1), ("status /", 1),
    ("mount --ready-fd 1 -r missing /", 1),
  ]

  @Test("reports an error in one line on standard error, and ends with restic's exit code", arguments: mistakes)
  func errors(arguments: String, code: Int32) async throws {
    let result = try await program.run(arguments.split(separator: " ").map(String.init))
    #expect(result.status == .exited(code))
    #expect(result.output.isEmpty)
    #expect(result.errorOutput.hasPrefix("restic-gitfs: "))
    #expect(result.errorOutput.hasSuffix("\n") && result.errorOutput.split(separator: "\n").count == 1)
  }

  /// The object that a program reads from standard error.
  private struct ExitError: Decodable {
    let message_type: String
    let code: Int32
    let message: String
  }

  // U7 […] and an error as restic's exit_error.
  @Test("with --json reports an error as one object on standard error, with the exit code", arguments: mistakes)
  func errorsInJSON(arguments: String, code: Int32) async throws {
    let words = arguments.split(separator: " ").map(String.init)
    for all in [words + ["--json"], ["--json"] + words] {
      let result = try await program.run(all)
      #expect(result.status == .exited(code) && result.output.isEmpty, "\(result)")
      let error = try JSONDecoder().decode(ExitError.self, from: Data(result.errorOutput.utf8))
      #expect(error.message_type == "exit_error" && error.code == code && !error.message.isEmpty)
      #expect(result.errorOutput.hasSuffix("}\n") && result.errorOutput.split(separator: "\n").count == 1)
    }
  }

  // U11 […] whatever is told before the options are read.
  @Test("with --log-format json reports a mistake in the command line as an object")
  func mistakesInJSON() async throws {
    for arguments in [["--log-format", "json", "--bogus"], ["--log-format=json", "-r", "missing", "/nowhere"]] {
      let result = try await program.run(["mount"] + arguments)
      #expect(result.status == .exited(1))
      #expect(result.errorOutput.hasPrefix(#"{"level":"error","message":""#) && result.errorOutput.hasSuffix("Z\"}\n"))
    }
    #expect(LogFormat.named(in: ["mount", "--", "--log-format", "json"]) == nil)
    #expect(LogFormat.named(in: ["mount", "--log-format"]) == nil)
  }

  // U7 […] and a script hears of a result that could not be written.
  @Test("fails if standard output cannot be written, and works without the three standard streams")
  func standardStreams() async throws {
    let own = try TerminalProcess.program.string
    let full = try await program.run("/bin/sh", ["-c", "'\(own)' version --json > /dev/full"])
    #expect(full.status == .exited(1) && full.errorOutput.contains(#""message_type":"exit_error""#), "\(full)")
    // The output must not go to a file, or the pipe for signals, that has got the number of a closed stream.
    let closed = try await program.run("/bin/sh", ["-c", "'\(own)' version <&- >&- 2>&-"])
    #expect(closed.isSuccess, "\(closed)")
    let helper = try TerminalProcess.program.removingLastComponent().appending("git-remote-restic").string
    #expect(try await program.run("/bin/sh", ["-c", "'\(helper)' --version <&- >&- 2>&-"]).isSuccess)
  }

  @Test("explains every command with examples", arguments: ["init", "mount", "umount", "sync", "status", "snapshots"])
  func help(command: String) async throws {
    let result = try await program.run([command, "--help"])
    #expect(result.isSuccess && result.errorOutput.isEmpty)
    #expect(result.output.contains("EXAMPLES\n  restic-gitfs \(command)"))
    // The hidden option stays hidden.
    #expect(!result.output.contains("ready-fd"))
  }

  @Test("prints its version and the versions of its libraries", arguments: [["--version"], ["version"]])
  func version(arguments: [String]) async throws {
    let result = try await program.run(arguments)
    let lines = result.output.split(separator: "\n")
    #expect(result.isSuccess && lines.first?.hasPrefix("restic-gitfs \(Version.current)") == true)
    let libraries = ["libfuse 3.", "OpenSSL 3.", "libsodium 1.", "libzstd 1.", "libexpat 2.", "libnghttp2 1."]
    #expect(lines.count == 2 && libraries.allSatisfy { lines[1].contains($0) }, "\(result)")
  }

  @Test("without a command shows the help")
  func noCommand() async throws {
    let result = try await program.run([])
    #expect(result.isSuccess && result.output.contains("SUBCOMMANDS"))
  }
}
