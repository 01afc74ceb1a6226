import MessageText
import ResticTestSupport
import SystemPackage
import Testing

@Suite("Words for a shell")
struct ShellWordTests {
  @Test("plain paths stay as they are")
  func plain() {
    for text in ["/srv/vault", "~/vault", "a_b-c.d", "rest:https://host:8000/x"] {
      #expect(ShellWord(text).description == text)
    }
  }

  @Test("the shell takes any other word for the text that was meant")
  func quoted() async throws {
    for text in ["", "a b", "it's", "''", "$(id)", "a;b", "new\nline", "\u{e4}", "*", "\\", "-n"] {
      let said = try await ProcessRunner().check("/bin/sh", ["-c", "printf '%s' \(ShellWord(text))"])
      #expect(said.output == text)
    }
  }
}
