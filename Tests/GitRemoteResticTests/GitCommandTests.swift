import Platform
import Testing

@testable import GitRemoteRestic

@Suite("The output of git commands", .timeLimit(.minutes(30)))
struct GitCommandTests {
  /// A git command that runs `script`.
  private static func run(_ script: String, input: [UInt8] = []) throws -> GitCommand.Result {
    try GitCommand(["-c", "alias.say=!\(script)", "say"], environment: ProcessEnvironment.current()).run(input: input)
  }

  /// G5 A stored repository can have git complain of as much as it likes.
  @Test("a command that writes more errors than a pipe holds ends, and the end of its errors is kept")
  func talkative() throws {
    let result = try Self.run("head -c 1000000 /dev/zero | tr '\\0' x >&2; echo; echo end >&2; echo out; exit 3 #")
    #expect(!result.isSuccess)
    #expect(result.line.hasSuffix("out"))
    #expect(result.errorOutput.hasSuffix("xxxend\n") && result.errorOutput.utf8.count == ProgramOutput.errorByteLimit)
  }

  @Test("a command that writes errors before it reads its input ends")
  func early() throws {
    let result = try Self.run(
      "head -c 1000000 /dev/zero >&2; wc -c #", input: [UInt8](repeating: 10, count: 1_000_000))
    #expect(result.isSuccess && result.line.contains("1000000"))
  }

  @Test("the output of a quiet command is returned")
  func quiet() throws {
    let result = try Self.run("echo out; echo error >&2 #")
    #expect(result.isSuccess && result.line == "out" && result.errorOutput == "error\n")
  }
}
