import ArgumentParser
import ResticCore
import Testing

@testable import ResticGitFS

/// U8: `status --watch`.
@Suite("status --watch")
struct WatchTests {
  @Test("takes an optional number of seconds, and leaves the mountpoint alone")
  func arguments() throws {
    func command(_ arguments: [String]) throws -> StatusCommand {
      try StatusCommand.parse(Array(ResticSpelling.translated(["status"] + arguments).dropFirst()))
    }
    #expect(try command(["--watch"]).watch == .standard)
    #expect(try command(["--watch", "/mnt"]).mountpoint == "/mnt")
    #expect(try command(["--watch", "10", "/mnt"]).watch?.duration == .seconds(10))
    #expect(try command(["/mnt", "--watch"]).watch == .standard && command([]).watch == nil)
    #expect(try command(["--watch=0.5"]).watch?.duration == .milliseconds(500))
    for text in ["0", "-1", "1e9", "", ".", "soon"] { #expect(WatchInterval(text: text) == nil) }
  }

  @Test("overwrites the previous text on a terminal, and appends elsewhere")
  func frames() {
    let time = Timestamp(seconds: 0, nanoseconds: 0)
    let shown = WatchScreen(isTerminal: true, isJSON: false).frame("one\ntwo", at: time)
    #expect(shown.hasPrefix("\u{1B}[H") && shown.hasSuffix("one\u{1B}[K\ntwo\u{1B}[K\n\u{1B}[J"))
    var narrow = WatchScreen(isTerminal: true, isJSON: false, size: TerminalSize(columns: 4, rows: 5))
    #expect(narrow.frame("123456\ntwo\nthree", at: time).hasSuffix("123\u{1B}[K\ntwo\u{1B}[K\n\u{1B}[J"))
    narrow.size = TerminalSize(columns: 1, rows: 1)
    #expect(narrow.frame("one", at: time) == "\u{1B}[H1\u{1B}[K\n\u{1B}[J")
    #expect(WatchScreen(isTerminal: false, isJSON: true).frame("{}", at: time) == "{}\n")
    #expect(WatchScreen(isTerminal: false, isJSON: false).frame("one", at: time).hasSuffix("\none\n\n"))
  }
}
