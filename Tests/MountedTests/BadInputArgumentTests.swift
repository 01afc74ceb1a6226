import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Invalid arguments")
struct BadInputArgumentTests {
  private static let commands = ["init", "mount", "umount", "sync", "status", "snapshots", "version", "help"]
  private static let options = [
    "-r", "--repo", "--repository-file", "-p", "--password-file", "--password-command", "--key-hint", "--log-file",
    "--retry-lock", "--compression", "--pack-size", "-o", "--commit-after", "--snapshot", "--host", "--tag", "--path",
    "--repository-version", "--ready-fd", "--json", "-q", "-v", "-f", "--read-only", "--bogus", "-x", "--", "-", "=",
    "--repo=",
  ]
  private static let values = [
    "", " ", "0", "-1", "1e9", "99999999999999999999", "\t\n", "é", "e\u{301}", "🦀", "%s%n", "$(id)", "'", "\"", "\\",
    "../..", ",", ",,,", "a=b", "-", "--", "s3:bucket", "sftp:x:/y", "local:", "rest:", "rest:http://x:y/", "nan",
    "inf", "0x10",
    "latest", "1h-5m",
  ]

  @Test(
    "end with a documented exit code and one line, never with a signal: 100 random command lines",
    .timeLimit(.minutes(30)))
  func random() async throws {
    try await MountedRepository.with { vault in
      var chance = SplitMix64(seed: 20)
      let before = try vault.storedFiles()
      for round in 0..<100 {
        var arguments: [String] = []
        for _ in 0..<Int.random(in: 0...6, using: &chance) {
          let source = [Self.commands, Self.options, Self.options, Self.values].randomElement(using: &chance) ?? []
          arguments.append(source.randomElement(using: &chance) ?? "")
        }
        // Never the repository of the environment: a lucky `init` would make folders wherever.
        let words = arguments.filter { $0 != "init" }
        let result = try await vault.result(vault.program.string, words, in: try vault.makeFolder("scratch"))
        try Self.expectDecent(result, words, round)
      }
      #expect(try vault.storedFiles() == before)
      #expect(vault.mounts().isEmpty)
    }
  }

  @Test("may be a megabyte long, hold bytes that are not UTF-8, or line breaks")
  func odd() async throws {
    try await MountedRepository.with { vault in
      let long = String(repeating: "x", count: 130_000)
      let many = [String](repeating: long, count: 8)
      for words in [
        many, ["mount"] + many, ["mount", "-r", long, vault.mountpoint.string], ["mount", long],
        ["mount", "-o", long, "."],
        ["snapshots", "-r", long], ["snapshots"] + many.flatMap { ["--tag", $0] }, ["--" + long], ["-" + long],
        ["mount", "--retry-lock", String(repeating: "9", count: 100_000) + "s", "."],
        ["mount", "--snapshot", long, "."],
        ["snapshots", "--password-command", long], ["snapshots", "--key-hint", long], ["mount", "a\nb"], ["a\r\nb"],
        [String](repeating: "-v", count: 10_000), [String](repeating: "--", count: 10_000),
        ["snapshots", "-r", "a\nb"],
      ] {
        let result = try await vault.result(vault.program.string, words, in: try vault.makeFolder("scratch"))
        try Self.expectDecent(result, words.map { String($0.prefix(40)) }, 0)
      }
      // Swift would repair what is not UTF-8 and go on with the name of another file.
      let notText = "$(printf 'v\\377\\376')"
      for script in [
        "\"$0\" init -r \(notText)", "\"$0\" mount \(notText)", "\"$0\" \(notText)", "\"$0\" umount \(notText)",
        "RESTIC_REPOSITORY=\(notText) \"$0\" snapshots", "RESTIC_PASSWORD_FILE=\(notText) \"$0\" snapshots",
        "mkdir -p \(notText)/mnt && cd \(notText) && \"$0\" mount mnt",
      ] {
        let result = try await vault.result(
          "/bin/bash", ["-c", script, vault.program.string], in: try vault.makeFolder("scratch"))
        #expect(
          result.status == .exited(1) && result.errorOutput.contains("not UTF-8"), "\(script): \(result.errorOutput)")
        try Self.expectDecent(result, [script], 0)
      }
      let made = try FileManager.default.contentsOfDirectory(atPath: vault.path("scratch").string)
      #expect(made.count == 1, "\(made)")
      // A password is bytes.
      let other = try await vault.result(
        "/bin/bash", ["-c", "RESTIC_PASSWORD=\(notText) \"$0\" snapshots", vault.program.string])
      #expect(other.status == .exited(12))
    }
  }

  @Test("in the environment: the error names the invalid value")
  func environment() async throws {
    try await MountedRepository.with { vault in
      let mount = ["mount", vault.mountpoint.string]
      let cases: [(name: String, value: String, words: String)] = [
        ("RESTIC_PACK_SIZE", "3", "RESTIC_PACK_SIZE"), ("RESTIC_PACK_SIZE", "1e99", "RESTIC_PACK_SIZE"),
        ("RESTIC_PACK_SIZE", "-16", "RESTIC_PACK_SIZE"), ("RESTIC_COMPRESSION", "best", "RESTIC_COMPRESSION"),
        ("RESTIC_REPOSITORY_FILE", "/nowhere", "exclude each other"), ("RESTIC_PASSWORD_FILE", "/nowhere", "/nowhere"),
        ("RESTIC_PASSWORD_FILE", "/", "password file /"), ("RESTIC_PASSWORD_COMMAND", "/nowhere", "/nowhere"),
        ("RESTIC_PASSWORD_COMMAND", "false", "false"), ("RESTIC_PASSWORD_COMMAND", "'", "quote"),
        ("RESTIC_PASSWORD_COMMAND", "true", "empty password"), ("RESTIC_REPOSITORY", "s3:bucket", "s3"),
        ("XDG_STATE_HOME", "/proc", "XDG_STATE_HOME"), ("XDG_STATE_HOME", "/dev/null", "XDG_STATE_HOME"),
      ]
      for (name, value, words) in cases {
        try await vault.expectRefusal(mount, code: 1, saying: words, environment: [name: value])
      }
    }
  }

  private static func expectDecent(_ result: ProcessResult, _ words: [String], _ round: Int) throws {
    let text = result.errorOutput
    guard case .exited(let code) = result.status else {
      Issue.record("\(round) \(words): \(result.status) \(text.prefix(2000))")
      return
    }
    #expect([0, 1, 10, 12].contains(code), "\(round) \(words): \(code) \(text.prefix(300))")
    guard code != 0 else { return }
    // libfuse has a line of its own for options that it does not know.
    let lines = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("fuse: ") }
    let start = words.prefix { $0 != "--" }.contains("--json") ? #"{"code":\#(code),"message":""# : "restic-gitfs: "
    #expect(lines.count == 1 && lines[0].hasPrefix(start), "\(round) \(words): \(text.prefix(300))")
  }
}
