import NamedRepositories
import ResticTestSupport
import Testing

// U2 A configuration file may hold anything.
@Suite("FuzzTests of the configuration file")
struct ConfigurationFuzzTests {
  private static let words = [
    "[repositories.", "]", "[[", "{", "}", "\"", "'", "\"\"\"", "\\u", "\\U0010FFFF", " = ", ".", ",", "#", "\r\n",
    "options", "true", "-1", "[\"a\",", "9223372036854775808",
  ].map { Array($0.utf8) }

  @Test func configurationFile() {
    let samples = [
      """
      # a comment
      [repositories.vault]
      repository = "sftp:nas:vault"
      password-command = 'pass show vault'
      cacert = [ "/a", # one
        "/b" ]
      options = { "s3.region" = "eu", x.y = "z" }
      """,
      "[repositories]\na.repository = \"/v\\u00e9\"\nb = { repository = '/w', limit-upload = 1_000 }\n", "a=1", "",
    ].map { Array($0.utf8) }
    let failures = FuzzRun(.configurationFile).failures(of: samples, words: Self.words) { bytes in
      guard let document = try? TOMLDocument(parsing: bytes) else { return .refused }
      let paths = document.entries.map(\.path)
      guard Set(paths).count == paths.count else { return .failed("a key is set twice") }
      let lineCount = bytes.count { $0 == UInt8(ascii: "\n") } + 1
      guard document.entries.allSatisfy({ (1...lineCount).contains($0.line) }) else {
        return .failed("a line is wrong")
      }
      let all = Set(paths)
      guard paths.allSatisfy({ path in (1..<path.count).allSatisfy { !all.contains(Array(path[..<$0])) } }) else {
        return .failed("a key has a value and keys of its own")
      }
      return .accepted
    }
    #expect(failures == [])
  }
}
