import ArgumentParser
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The source of the password")
struct PasswordTests {
  private func secret(_ text: String) -> SecureBytes {
    Array(text.utf8).withUnsafeBytes { SecureBytes(copying: $0) }
  }

  private func password(
    _ arguments: [String], _ environment: [Environment.Variable: String] = [:], given: String? = nil
  ) async throws -> String {
    let source = try PasswordSource.choose(try RepositoryOptions.parse(arguments), Environment(environment)) {
      given.map(secret)
    }
    let answer = try await PasswordReader(source: source, terminal: Terminal()).password(of: .local("/srv/vault"))
    return try #require(answer).password.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  @Test("a command's output without surrounding white space; the command wins over RESTIC_PASSWORD")
  func command() async throws {
    #expect(try await password(["--password-command", "printf ' geheim\\n'"], given: "other") == "geheim")
    #expect(try await password([], [.passwordCommand: "printf geheim"]) == "geheim")
    #expect(try await password(["--password-command", "/usr/bin/printf '%s %s' a b"]) == "a b")
  }

  @Test("a command runs without a shell")
  func noShell() async throws {
    #expect(try await password(["--password-command", "printf %s $HOME;true"]) == "$HOME;true")
  }

  @Test(
    "a failing or missing command is an error", arguments: ["false", "/nonexistent/program", "no-such-program"])
  func failingCommand(command: String) async {
    await #expect(throws: CommandError.self) { try await password(["--password-command", command]) }
  }

  @Test("a file's content; the file wins over RESTIC_PASSWORD, and -p over RESTIC_PASSWORD_FILE")
  func file() async throws {
    let directory = try TemporaryDirectory()
    let file = directory.path.appending("password")
    try write(Array("\tgeheim \r\n".utf8), to: file)
    #expect(try await password(["-p", file.string], given: "other") == "geheim")
    #expect(try await password(["-p", file.string], [.passwordFile: "/nonexistent"]) == "geheim")
    #expect(try await password([], [.passwordFile: file.string]) == "geheim")
    await #expect(throws: CommandError.self) { try await password(["-p", "/nonexistent"]) }
  }

  @Test("RESTIC_PASSWORD unchanged, with its white space")
  func variable() async throws {
    #expect(try await password([], given: " geheim ") == " geheim ")
  }

  @Test("a command and a file exclude each other, wherever they come from")
  func exclusion() async {
    await #expect(throws: CommandError.self) { try await password(["-p", "a", "--password-command", "b"]) }
    await #expect(throws: CommandError.self) { try await password(["-p", "a"], [.passwordCommand: "b"]) }
    await #expect(throws: CommandError.self) { try await password(["--password-command", "b"], [.passwordFile: "a"]) }
  }

  @Test("an empty password is refused")
  func empty() async throws {
    let directory = try TemporaryDirectory()
    try write(Array(" \n".utf8), to: directory.path.appending("password"))
    await #expect(throws: CommandError.self) {
      try await password(["-p", directory.path.appending("password").string])
    }
    await #expect(throws: CommandError.self) { try await password(["--password-command", "true"]) }
  }

  @Test("a file that is too long for a password is refused")
  func tooLong() async throws {
    let directory = try TemporaryDirectory()
    try write([UInt8](repeating: 0x61, count: 70_000), to: directory.path.appending("password"))
    await #expect(throws: CommandError.self) {
      try await password(["-p", directory.path.appending("password").string])
    }
  }

  @Test(
    "one line of standard input, without its end",
    arguments: [("a b\nc", "a b"), (" x\r\n", " x"), ("y", "y"), ("\n", "")])
  func line(input: String, password: String) throws {
    let pipe = try FileDescriptor.pipe()
    _ = try pipe.writeEnd.closeAfter { try pipe.writeEnd.writeAll(Array(input.utf8)) }
    let line = try pipe.readEnd.closeAfter { PasswordLine.read(from: pipe.readEnd.rawValue, limit: 100) }
    #expect(line?.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == password)
  }

  @Test("neither an empty standard input nor a line that is too long", arguments: ["", "12345678901", "12345678901\n"])
  func noLine(input: String) throws {
    let pipe = try FileDescriptor.pipe()
    _ = try pipe.writeEnd.closeAfter { try pipe.writeEnd.writeAll(Array(input.utf8)) }
    let line = try pipe.readEnd.closeAfter { PasswordLine.read(from: pipe.readEnd.rawValue, limit: 10) }
    #expect(line == nil)
  }
}
