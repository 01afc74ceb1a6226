import Glibc
import Logging
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("Signals to a process that prepares a mount")
struct ServingSignalsTests {
  private static let interrupt = SignalListener.Signal(number: SIGINT, isFromTerminal: true)

  @Test("the first signal cancels the preparation, even if it came before")
  func first() {
    let count = Locked(0)
    let signals = ServingSignals(logger: Logger(label: "test"))
    #expect(!signals.hasBeenAskedToEnd)
    signals.prepare { count.withLock { $0 += 1 } }
    signals.handle(Self.interrupt)
    #expect(signals.hasBeenAskedToEnd && count.withLock { $0 } == 1)
    signals.prepare { count.withLock { $0 += 1 } }
    #expect(count.withLock { $0 } == 2)
  }

  @Test("the second signal ends a process that does not end")
  func second() async {
    await #expect(processExitsWith: .exitCode(130)) {
      let signals = ServingSignals(logger: Logger(label: "test"))
      signals.prepare {}
      let signal = SignalListener.Signal(number: SIGINT, isFromTerminal: true)
      for _ in 0..<2 { signals.handle(signal) }
      exit(0)
    }
  }
}
