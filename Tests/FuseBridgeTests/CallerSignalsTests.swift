import Glibc
import Testing

@testable import FuseBridge

@Suite("The pending signals of a calling thread, and their effect")
struct CallerSignalsTests {
  private static func areEnding(
    pending: [Int32] = [], shared: [Int32] = [], blocked: [Int32] = [], ignored: [Int32] = [], caught: [Int32] = []
  ) throws -> Bool {
    func line(_ name: String, _ signals: [Int32]) -> String {
      let digits = String(signals.reduce(UInt64(0)) { $0 | 1 << UInt64($1 - 1) }, radix: 16)
      return "\(name):\t\(String(repeating: "0", count: 16 - digits.count))\(digits)\n"
    }
    let text =
      "Name:\tcat\nGroups:\t0 4 \nSigQ:\t0/1\n" + line("SigPnd", pending) + line("ShdPnd", shared)
      + line("SigBlk", blocked) + line("SigIgn", ignored) + line("SigCgt", caught) + "CapInh:\t0000000000000000\n"
    return try #require(CallerSignals(status: Array(text.utf8))).areEnding
  }

  @Test("SIGKILL ends a thread, whatever signals the thread catches, blocks or ignores")
  func killed() throws {
    #expect(try Self.areEnding(pending: [SIGKILL]))
    #expect(try Self.areEnding(pending: [SIGKILL], blocked: [SIGINT], ignored: [SIGHUP], caught: [SIGTERM]))
    #expect(try !Self.areEnding())
  }

  @Test("a signal with the default action ends the process, unless the signal is harmless")
  func uncaught() throws {
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGPIPE, SIGSEGV, SIGVTALRM] {
      #expect(try Self.areEnding(pending: [signal]) && Self.areEnding(shared: [signal]))
      #expect(try !Self.areEnding(pending: [signal], blocked: [signal]))
      #expect(try !Self.areEnding(shared: [signal], ignored: [signal]))
    }
    for signal in [SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGTSTP, SIGTTIN, SIGTTOU] {
      #expect(try !Self.areEnding(pending: [signal]))
    }
  }

  @Test("of the signals that a process catches, only the signals that people and terminals send to end a program count")
  func caught() throws {
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
      #expect(try Self.areEnding(shared: [signal], caught: [signal]))
      #expect(try !Self.areEnding(shared: [signal], blocked: [signal], caught: [signal]))
    }
    for signal in [SIGURG, SIGALRM, SIGCHLD, SIGWINCH, SIGUSR1, SIGPROF, SIGIO] {
      #expect(try !Self.areEnding(pending: [signal], caught: [signal]))
    }
  }

  @Test("a status text without signals is not a status")
  func malformed() {
    for text in ["", "Name:\tcat\n", "SigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\n", "SigPnd:\nShdPnd:\tx\n\n:::"] {
      #expect(CallerSignals(status: Array(text.utf8)) == nil)
    }
  }

  @Test("a living thread without pending signals is not ending; a thread that cannot be examined may be")
  func real() {
    #expect(!CallerSignals.isEnding(FuseCaller(userID: 0, groupID: 0, processID: getpid())))
    #expect(CallerSignals.isEnding(FuseCaller(userID: 0, groupID: 0, processID: 0)))
    #expect(CallerSignals.isEnding(FuseCaller(userID: 0, groupID: 0, processID: .max)))
  }
}
