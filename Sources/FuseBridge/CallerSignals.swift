internal import Glibc

/// The signals that are pending for a request's thread, and what they will do to the thread.
///
/// Source: proc_pid_status(5), signal(7). While a thread waits for an answer it receives no signals, so the kernel
/// lists the signals that arrived meanwhile. A signal that ends the process without a core file becomes a SIGKILL for
/// each of its threads (Linux kernel/signal.c, complete_signal).
struct CallerSignals: Hashable {
  /// Each value is a set of signals: bit n stands for signal n + 1.
  private var pending: UInt64 = 0
  private var blocked: UInt64 = 0
  private var ignored: UInt64 = 0
  private var caught: UInt64 = 0

  /// The signals that a process catches in order to end in its own way.
  private static let requests = set(SIGHUP, SIGINT, SIGQUIT, SIGTERM)
  /// The signals whose default action does not end a process.
  private static let harmless = set(SIGCHLD, SIGCONT, SIGURG, SIGWINCH, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
  private static let kill = set(SIGKILL)

  /// The signals in `status`, the text of `/proc/PID/status`; nil if the text lists no signals.
  init?(status: [UInt8]) {
    var lineCount = 0
    for line in status.split(separator: UInt8(ascii: "\n")) {
      let parts = String(decoding: line, as: UTF8.self).split(separator: ":", maxSplits: 1)
      guard parts.count == 2, let set = UInt64(parts[1].drop { $0 == "\t" || $0 == " " }, radix: 16) else { continue }
      switch parts[0] {
      case "SigPnd", "ShdPnd": pending |= set
      case "SigBlk": blocked = set
      case "SigIgn": ignored = set
      case "SigCgt": caught = set
      default: continue
      }
      lineCount += 1
    }
    guard lineCount == 5 else { return nil }
  }

  /// Whether the thread ends, or is asked to end, as soon as its request is answered.
  var areEnding: Bool {
    let coming = pending & ~blocked & ~ignored
    return pending & Self.kill | coming & caught & Self.requests | coming & ~caught & ~Self.harmless != 0
  }

  /// Whether the thread `caller` ends, or is asked to end. True if this cannot be found out: a thread of another
  /// process namespace has no number here, and a process that cannot be killed is worse than a read that fails.
  static func isEnding(_ caller: FuseCaller) -> Bool {
    guard caller.processID > 0, let status = load("/proc/\(caller.processID)/status"),
      let signals = CallerSignals(status: status)
    else { return true }
    return signals.areEnding
  }

  private static func set(_ signals: Int32...) -> UInt64 {
    signals.reduce(0) { $0 | 1 << UInt64($1 - 1) }
  }

  private static func load(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = fread(&part, 1, part.count, file)
      guard count > 0 else { return bytes }
      bytes += part[..<count]
    }
  }
}
