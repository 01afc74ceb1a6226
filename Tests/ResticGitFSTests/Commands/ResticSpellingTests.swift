import Testing

@testable import ResticGitFS

@Suite("restic's spellings of options")
struct ResticSpellingTests {
  @Test("--verbose=N means N times --verbose")
  func verbosity() {
    #expect(ResticSpelling.translated(["mount", "--verbose=2", "m"]) == ["mount", "--verbose", "--verbose", "m"])
    #expect(ResticSpelling.translated(["-v=1"]) == ["--verbose"])
    #expect(ResticSpelling.translated(["--verbose=0"]) == [])
  }

  @Test("an unknown level, and arguments after --, stay unchanged")
  func others() {
    for arguments in [["--verbose=9"], ["--verbose=x"], ["-vv"], ["--", "--verbose=2"], []] {
      #expect(ResticSpelling.translated(arguments) == arguments)
    }
  }
}
