import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

@Suite("Credentials for S3 from a program", .timeLimit(.minutes(30)))
struct CredentialProcessTests {
  private let places: CredentialPlaces
  private var home: FilePath { places.home }

  init() throws {
    places = try CredentialPlaces()
  }

  private static let document = """
    {"Version": 1, "AccessKeyId": "ASIAPROCESS", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "2030-01-02T03:04:05Z"}
    """

  @Test("a profile's program runs without a shell, and its words may be quoted")
  func process() async throws {
    try places.write(
      "two words", "#!/bin/sh\n[ \"$1\" = 'a b;$(x)' ] && [ -z \"$2\" ] && cat \"${0%/*}/document\"\n", mode: 0o755)
    try places.write("document", Self.document)
    try places.write(".aws/credentials", "[default]\ncredential_process = \"\(home)/two words\" 'a b;$(x)'\n")
    let credentials = try await places.found()
    #expect(credentials?.accessKeyID == "ASIAPROCESS" && credentials?.sessionToken == "t")
    #expect(credentials?.expiration == 1_893_553_445)
    #expect(credentials?.source.contains("credential_process") == true)
  }

  @Test(
    "a program that fails, prints something else, prints endlessly or does not end is an error within the time limit")
  func failingProcess() async throws {
    for (command, said) in [
      ("false", "failed;"), ("/nonexistent/x", "cannot be run"), ("echo {}", "lacks AccessKeyId"),
      ("echo geheim", "no credentials"),
      ("yes", "printed more"), ("sleep 1000", "did not end within"),
      ("sh -c 'exec >&-; sleep 1000'", "did not end within"),
      ("sh -c 'trap : TERM INT HUP QUIT; while :; do sleep 1000; done'", "did not end within"),
    ] {
      // A program with a "1000" never ends, however short the limit is.
      let timeLimit = Duration.milliseconds(command.contains("1000") ? 300 : 300_000)
      let process = CredentialProcess(command: command, source: "profile x", timeLimit: timeLimit)
      let error = await #expect(throws: CredentialError.self, "\(command)") { try await process.credentials() }
      #expect(
        error.map { $0.description.contains(said) && !$0.description.contains("geheim") } == true,
        "\(String(describing: error))")
    }
  }

  @Test(
    "a cancellation kills the running program and its children")
  func cancelledProcess() async throws {
    let file = home.appending("started")
    let script = "sleep 1000 & echo $! > '\(file).new'; mv '\(file).new' '\(file)'; trap : TERM INT; wait; sleep 1000"
    let process = CredentialProcess(command: "sh -c \"\(script)\"", source: "profile x")
    let task = Task { try await process.credentials() }
    try await waitUntil { FileManager.default.fileExists(atPath: file.string) }
    let text = try String(contentsOfFile: file.string, encoding: .utf8)
    let child = try #require(pid_t(text.dropLast()))
    task.cancel()
    let error = try await withTimeLimit { await #expect(throws: CredentialError.self) { try await task.value } }
    #expect(
      error?.isPassing == true && error?.description.contains("cancelled") == true, "\(String(describing: error))")
    // The child belongs to init now, which reaps it.
    try await waitUntil { kill(child, 0) != 0 || ProcessTable.isZombie(child) }
  }

  @Test("a caller that begins cancelled still gets credentials from a program")
  func cleaningUp() async throws {
    try places.write("document", Self.document)
    let process = CredentialProcess(command: "cat \(home)/document", source: "profile x")
    let task = Task {
      while !Task.isCancelled { await Task.yield() }
      return try await process.credentials()
    }
    task.cancel()
    #expect(try await task.value?.accessKeyID == "ASIAPROCESS")
  }

  @Test("a command is split into words")
  func words() {
    for (text, words) in [
      ("a b", ["a", "b"]), ("  a\t'b c'd \"\" ", ["a", "b cd", ""]), ("a\\ b \"c\\\"d\\e\"", ["a b", "c\"d\\e"]),
      ("", []),
    ] as [(String, [String])] {
      #expect(CredentialProcess.words(of: text) == words)
    }
    for text in ["'a", "\"a", "a\\"] { #expect(CredentialProcess.words(of: text) == nil) }
  }
}
