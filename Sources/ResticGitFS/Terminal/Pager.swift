import Glibc
import Platform
import ResticCore
import SystemPackage

/// Where a long output goes: on a terminal to the program that the user reads with, as git chooses it, else straight on.
///
/// Used by one task at a time.
final class Pager {
  private let child: ChildProcess?
  /// What a signal needs of the program that shows the output; nil where none does.
  let reader: PagerReader?
  private let executor = BlockingExecutor(threadCount: 1)
  /// Whether the reader has left: nothing more need be written.
  private(set) var isClosed = false

  /// The pager for standard output: GIT_PAGER, core.pager, PAGER, or less. None where the output is no terminal, or the
  /// pager is empty or `cat`.
  static func start() -> Pager {
    guard StandardStream.output.isTerminal, let command = chosen(), command != "cat" else { return Pager(nil, nil) }
    var changes: [String: String?] = [:]
    for (name, value) in [("LESS", "FRX"), ("LV", "-c")] where getenv(name) == nil { changes[name] = value }
    do throws(Errno) {
      let pipe = try Pipe()
      defer { pipe.readEnd.closeQuietly() }
      let child = try InheritedVariables.with(changes) { variables throws(Errno) in
        try ChildProcess.start(
          "/bin/sh", ["-c", command], variables: variables, descriptors: [(0, pipe.readEnd)], signals: .unblocked)
      }
      signal(SIGPIPE, SIG_IGN)
      return Pager(child, PagerReader(child.processID, input: pipe.writeEnd))
    } catch {
      // Then it is read without one.
      return Pager(nil, nil)
    }
  }

  private init(_ child: ChildProcess?, _ reader: PagerReader?) {
    self.child = child
    self.reader = reader
  }

  /// Writes `text`, and waits for a person who reads slowly. Once the reader has left, nothing is written.
  func write(_ text: String) async {
    guard let reader else { return StandardStream.output.write(text) }
    guard !isClosed else { return }
    isClosed = await executor.run { !reader.write(Array(text.utf8)) }
  }

  /// Ends the output, and waits until it is read.
  func end() async {
    guard let reader else { return }
    await executor.run { reader.waitForEnd() }
    child?.wait()
  }

  private static func chosen() -> String? {
    // Without git its settings do not count.
    let result = try? ProgramOutput.of("git", ["var", "GIT_PAGER"], signals: .unblocked)
    if let result, result.end == .exited(0) {
      let text = String(decoding: result.output, as: UTF8.self).split(separator: "\n").first.map(String.init)
      return text.flatMap { $0.isEmpty ? nil : $0 }
    }
    return getenv("PAGER").map { String(cString: $0) } ?? "less"
  }
}
