import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("git's credential helpers", .timeLimit(.minutes(30)))
struct GitCredentialTests {
  private let runner: ProgramRunner
  private let environment: [String: String?]

  /// A home with a repository `vault` whose password is `geheim`, and a helper that keeps passwords in the file `store`.
  init() async throws {
    runner = try ProgramRunner()
    environment = [
      "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": nil, "XDG_CONFIG_HOME": nil, "SSH_ASKPASS": nil,
      "GIT_ASKPASS": nil,
    ]
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    _ = try await Repository.create(
      on: LocalBackend(path: FilePath(vault)), password: Self.secret("geheim"), settings: settings)
    try write(Array("[credential]\n\thelper = store --file=\(store)\n".utf8), to: home.appending(".gitconfig"))
  }

  private var home: FilePath { runner.directory }
  private var vault: String { home.appending("vault").string }
  private var store: String { home.appending("store").string }
  /// The helper's store; empty if there is no file.
  private var stored: String { (try? String(contentsOfFile: store, encoding: .utf8)) ?? "" }

  private static func secret(_ text: String) -> SecureBytes {
    Array(text.utf8).withUnsafeBytes { SecureBytes(copying: $0) }
  }

  private func keep(_ password: String) throws {
    try write(Array("restic://restic:\(password)@localhost\(vault)\n".utf8), to: FilePath(store))
  }

  private func snapshots(_ variables: [String: String?] = [:], input: String = "") async throws -> ProcessResult {
    try await runner.run(["snapshots", "-r", vault], environment.merging(variables) { $1 }, input: input)
  }

  /// A program for GIT_ASKPASS that answers `password` and notes that it was asked.
  private func askpass(_ password: String) throws -> String {
    let path = home.appending("askpass")
    try write(Array("#!/bin/sh\necho \"$1\" >> \(home)/asked\necho \(password)\n".utf8), to: path)
    #expect(chmod(path.string, 0o755) == 0)
    return path.string
  }

  private var wasAsked: Bool { access(home.appending("asked").string, F_OK) == 0 }

  @Test("give the password to every command that opens a repository")
  func fill() async throws {
    try keep("geheim")
    #expect(try await snapshots().status == .exited(0))
    #expect(try await runner.run(["unlock", "-r", "\(vault)/../vault/"], environment).status == .exited(0))
    // Even without a terminal.
    #expect(try await snapshots(["GIT_ASKPASS": try askpass("falsch")]).status == .exited(0))
    #expect(!wasAsked)
  }

  @Test("come after restic's own variables, and do not see them")
  func variables() async throws {
    try keep("falsch")
    let before = stored
    #expect(try await snapshots(["RESTIC_PASSWORD": "geheim"]).status == .exited(0))
    #expect(try await snapshots(["RESTIC_PASSWORD": "auch falsch"]).status == .exited(12))
    #expect(stored == before)
  }

  @Test("forget a wrong password; then a line of standard input counts, and is not stored")
  func reject() async throws {
    try keep("falsch")
    #expect(try await snapshots(input: "geheim\n").status == .exited(0))
    #expect(stored.isEmpty)
    try keep("falsch")
    let result = try await snapshots()
    #expect(result.status == .exited(12))
    #expect(result.errorOutput.contains("wrong password or no key found in the repository"))
    #expect(stored.isEmpty)
  }

  @Test("without the password, and a missing git, leave restic's behaviour unchanged")
  func none() async throws {
    for path in ["/usr/bin:/bin", home.string] {
      #expect(try await snapshots(["PATH": path], input: "geheim\n").status == .exited(0))
      #expect(try await snapshots(["PATH": path], input: "falsch\n").status == .exited(12))
      let nothing = try await snapshots(["PATH": path])
      #expect(nothing.status == .exited(1) && nothing.errorOutput.hasPrefix("restic-gitfs: no password for \(vault)"))
      #expect(nothing.errorOutput.filter { $0 == "\n" }.count == 1)
    }
    #expect(stored.isEmpty)
  }

  @Test("of the working folder are not used: somebody else may have configured them")
  func strangeFolder() async throws {
    let script = """
      cd "$HOME"; git init -q strange; cd strange; git config credential.helper '!touch $HOME/ran; false'
      export GIT_DIR=.git; \(try TerminalProcess.program) snapshots -q -r "$HOME/vault" < /dev/null; test ! -e $HOME/ran
      """
    #expect(try await runner.run("/bin/bash", ["-c", script], environment).status == .exited(0))
  }

  @Test("store a right password from the terminal, and GIT_ASKPASS comes before the terminal")
  func terminal() async throws {
    func start(_ variables: [String: String]) throws -> TerminalProcess {
      try TerminalProcess(
        ["snapshots", "-r", vault],
        environment: ["PATH": "/usr/bin:/bin", "HOME": home.string].merging(variables) { $1 })
    }
    let typed = try start([:])
    #expect(try typed.waits(for: "enter password for repository "))
    try typed.type("falsch\n")
    #expect(try typed.waits(for: "enter password for repository "))
    #expect(stored.isEmpty)
    try typed.type("geheim\n")
    #expect(try typed.exitCode() == 0)
    #expect(stored == "restic://restic:geheim@localhost\(vault)\n")
    #expect(try start([:]).exitCode() == 0)

    #expect(unlink(store) == 0)
    let asked = try start(["GIT_ASKPASS": try askpass("geheim")])
    #expect(try asked.exitCode() == 0)
    #expect(wasAsked && !asked.output.contains("enter password"))

    #expect(unlink(store) == 0)
    let forbidden = try start(["GIT_TERMINAL_PROMPT": "0"])
    #expect(try forbidden.exitCode() == 1)
    #expect(forbidden.output.contains("terminal prompts disabled") && !forbidden.output.contains("enter password"))
  }
}
