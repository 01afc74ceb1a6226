import Foundation
import Glibc
import Platform
import SystemPackage

/// The built `restic-gitfs` as a child process on a pseudoterminal of its own, as a person at a terminal uses it.
///
/// The child leads a session whose controlling terminal this is. It is killed when the instance goes.
final class TerminalProcess {
  /// The program beside the test bundle: both are products of one build.
  static var program: FilePath {
    get throws {
      guard let own = FilePath("/proc/self/exe").resolvedForTest() else { throw Errno(rawValue: errno) }
      return own.removingLastComponent().appending("restic-gitfs")
    }
  }

  /// Everything the child has written so far; carriage returns are left out.
  private(set) var output = ""
  /// The process.
  var child: pid_t { process.processID }
  private let process: ChildProcess
  private let master: FileDescriptor
  private let slave: FileDescriptor

  /// Starts the program with `arguments`, and with `environment` instead of the test's.
  init(_ arguments: [String], environment: [String: String]) throws {
    var (master, slave) = (Int32(), Int32())
    var name = [CChar](repeating: 0, count: 256)
    guard openpty(&master, &slave, &name, nil, nil) == 0 else { throw Errno(rawValue: errno) }
    self.master = FileDescriptor(rawValue: master)
    // Held open, so that the terminal's modes can be looked at whatever the child does.
    self.slave = FileDescriptor(rawValue: slave)
    for descriptor in [master, slave] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }

    // The first terminal that a session's leader opens becomes its controlling one.
    let terminal = FilePath(platformString: name)
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for string in variables { free(string) } }
    process = try ChildProcess.start(
      Self.program.string, arguments, variables: &variables, files: [0: terminal],
      descriptors: [(1, .standardInput), (2, .standardInput)], signals: .unblocked, leadsSession: true)
  }

  deinit {
    if process.endIfOver() == nil {
      kill(-child, SIGKILL)
      process.wait()
    }
    // The terminal goes with its last descriptor, whatever close says.
    try? slave.close()
    try? master.close()
  }

  /// The time limit of a test's waits.
  private static let limit = Duration.seconds(60)

  /// Whether the terminal echoes input.
  var echoes: Bool {
    var modes = termios()
    guard tcgetattr(slave.rawValue, &modes) == 0 else { return false }
    return modes.c_lflag & tcflag_t(ECHO) != 0
  }

  /// The threads of the child that do not block `signal`.
  func threads(lettingThrough signal: Int32) throws -> [pid_t] {
    let folder = "/proc/\(child)/task"
    return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { name in
      // A thread may end at any time.
      guard let status = try? String(contentsOfFile: "\(folder)/\(name)/status", encoding: .utf8),
        let mask = status.split(separator: "\n").first(where: { $0.hasPrefix("SigBlk:") })?.split(separator: "\t").last,
        let blocked = UInt64(mask, radix: 16)
      else { return nil }
      return blocked & 1 << (signal - 1) == 0 ? pid_t(name) : nil
    }
  }

  /// Types `text`; "\u{3}" is Ctrl-C.
  func type(_ text: String) throws {
    _ = try master.writeAll(Array(text.utf8))
  }

  /// Waits until the output has `text` after the text that earlier calls found. False after a minute.
  func waits(for text: String) throws -> Bool {
    let deadline = ContinuousClock.now + Self.limit
    var rest = output[found...]
    while true {
      if let end = rest.range(of: text) {
        found = end
        return true
      }
      guard ContinuousClock.now < deadline else { return false }
      try read()
      rest = output[found...]
    }
  }

  /// The exit code, or 1000 plus the signal's number; nil after a minute.
  func exitCode() throws -> Int32? {
    let deadline = ContinuousClock.now + Self.limit
    while true {
      if let end = process.endIfOver() {
        try read()
        switch end {
        case .exited(let code): return code
        case .killed(let signal): return 1000 + signal
        }
      }
      guard ContinuousClock.now < deadline else { return nil }
      try read()
    }
  }

  private var found = "".startIndex

  /// Reads the available output, and waits a moment for it.
  private func read() throws {
    var poll = pollfd(fd: master.rawValue, events: Int16(POLLIN), revents: 0)
    guard Glibc.poll(&poll, 1, 20) == 1 else { return }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = try buffer.withUnsafeMutableBytes { try master.read(into: $0) }
    let offset = output[..<found].utf8.count
    output += String(decoding: buffer[..<count].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self)
    found = output.utf8.index(output.startIndex, offsetBy: offset)
  }
}

extension FilePath {
  fileprivate func resolvedForTest() -> FilePath? {
    guard let text = withPlatformString({ realpath($0, nil) }) else { return nil }
    defer { free(text) }
    return FilePath(platformString: text)
  }
}

extension Substring {
  /// Where the first `text` ends.
  fileprivate func range(of text: String) -> Index? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
