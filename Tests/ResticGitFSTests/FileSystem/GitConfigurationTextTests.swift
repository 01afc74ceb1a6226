import Glibc
import Platform
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Reading git's configuration files", .timeLimit(.minutes(30)))
struct GitConfigurationTextTests {
  /// `section.subsection.key`, a newline and the value, as `git config --list -z` has them.
  private static func names(_ text: GitConfigurationText) -> [String] {
    text.entries.map { entry in
      // A variable before the first section has no name for it.
      let name = [entry.section, entry.subsection, entry.key].compactMap { $0 }.joined(separator: ".").drop {
        $0 == "."
      }
      return entry.value.map { "\(name)\n\($0)" } ?? String(name)
    }
  }

  private static func read(_ text: String) throws -> [String] {
    names(try GitConfigurationText(Array(text.utf8)))
  }

  @Test("sections, values, quotes, comments and continued lines are read")
  func examples() throws {
    #expect(try Self.read("") == [])
    #expect(
      try Self.read("[Core]\n\tBare = true\n  fileMode\n[a \"B \\\"c\\\\\"]k=1 ; no\nl = \" x ; y\" z # no\n")
        == ["core.bare\ntrue", "core.filemode", "a.B \"c\\.k\n1", "a.B \"c\\.l\n x ; y z"])
    #expect(try Self.read("[A.B]\nk = a\\\n b\\tc\\n\\\\\\\"\r\n") == ["a.b.k\na b\tc\n\\\""])
    #expect(try Self.read("\u{FEFF}[a]\nk=v") == ["a.k\nv"])
    #expect(throws: GitConfigurationText.Failure.syntax(line: 2)) { try Self.read("[a]\nk = \"v\n") }
    #expect(throws: GitConfigurationText.Failure.syntax(line: 1)) { try Self.read("[a") }
    #expect(throws: GitConfigurationText.Failure.encoding) { try Self.read("[a]\nk = \0") }
  }

  @Test("damaged files are read as git reads them, or are an error if git reports one")
  func mutants() async throws {
    let folder = try TemporaryDirectory()
    let samples = [
      "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[remote \"a b\"]\n\turl = \"x;y\" # c\n\tfetch = +refs/*:refs/*\n",
      "; c\n[a.b]\nk\nl = v \\\n  w\n[include]\n\tpath = /x\n[a \"\\\"\"]\n\tk = a\\tb\\n\\\\ \"q q\" \n",
    ].map { Array($0.utf8) }
    let words = [
      "[", "]", "\"", "\\", "\n", "\r\n", " ", "\t", "=", ";", "#", ".", "-", "é", "[x]", "[y \"z\"]", "\\\n", "k",
    ]
    .map { Array($0.utf8) }
    let seed = getenv("RESTIC_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_240_607
    var random = SplitMix64(seed: seed)
    var files: [[UInt8]] = []
    for _ in 0..<400 {
      var bytes = samples[Int.random(in: 0..<samples.count, using: &random)]
      for _ in 0...Int.random(in: 0...3, using: &random) {
        let position = Int.random(in: 0...bytes.count, using: &random)
        let end = min(bytes.count, position + Int.random(in: 0...3, using: &random))
        bytes.replaceSubrange(position..<end, with: words[Int.random(in: 0..<words.count, using: &random)])
      }
      files.append(bytes)
      try Self.write(bytes, to: folder.path.appending("\(files.count - 1)"))
    }
    // One process for all files: git's output for each file, then a line with git's exit code.
    let script = """
      for ((i = 0; i < \(files.count); i++)); do
        code=0; git config --file $i --no-includes --list -z > out 2> /dev/null || code=$?; od -An -v -tx1 < out | tr -d ' \\n'; echo " $code"
      done
      """
    let result = try await ProcessRunner(directory: folder.path, timeout: .seconds(120))
      .run("/bin/bash", ["-eu", "-c", script])
    let lines = result.output.split(separator: "\n")
    try #require(lines.count == files.count)
    for (bytes, line) in zip(files, lines) where String(validating: bytes, as: UTF8.self) != nil {
      let words = line.split(separator: " ", omittingEmptySubsequences: false)
      let ours = (try? GitConfigurationText(bytes)).map { Self.names($0).map { "\($0)\0" }.joined() }
      let theirs = words[1] == "0" ? Self.withoutLeadingDots(String(words[0])) : nil
      let hex = ours.map { Hex.text($0.utf8) }
      #expect(hex == theirs, "\(String(decoding: bytes, as: UTF8.self)) seed \(seed)")
    }
  }

  /// git names those of `[]` with a dot.
  private static func withoutLeadingDots(_ hex: String) -> String {
    String(hex.hasPrefix("2e") ? hex.dropFirst(2) : hex[...]).replacing("002e", with: "00")
  }

  private static func write(_ bytes: [UInt8], to path: FilePath) throws {
    let file = try FileDescriptor.open(path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
    defer { try? file.close() }  // what it holds is read again
    try file.writeAll(bytes)
  }
}
