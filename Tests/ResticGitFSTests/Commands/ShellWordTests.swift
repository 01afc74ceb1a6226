import MessageText
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Words for a shell")
struct ShellWordTests {
  @Test("plain paths stay unchanged")
  func plain() {
    for text in ["/srv/vault", "~/vault", "a_b-c.d", "rest:https://host:8000/x"] {
      #expect(ShellWord(text).description == text)
    }
  }

  @Test("the shell reads every other word as the intended text")
  func quoted() async throws {
    for text in ["", "a b", "it's", "''", "$(id)", "a;b", "new\nline", "\u{e4}", "*", "\\", "-n"] {
      let said = try await ProcessRunner().check("/bin/sh", ["-c", "printf '%s' \(ShellWord(text))"])
      #expect(said.output == text)
    }
  }
}
