import Foundation
import Glibc
import Subprocess
import Synchronization
public import SystemPackage

/// A program that runs beside a test, in a process group of its own, and is killed when the last reference goes, or with
/// the test's process.
public final class BackgroundProgram: Sendable {
  /// Holds a pipe to the test's process; kills the program when the pipe ends, and ends when the program does.
  private static let keeper = """
    import os, signal, subprocess, sys, threading
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
    def wait():
        code = child.wait()
        os._exit(code & 255)
    threading.Thread(target=wait, daemon=True).start()
    sys.stdin.buffer.read()
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    """

  /// Both outputs of the program.
  public let log: FilePath
  private let lifeline: Mutex<FileDescriptor?>
  private let run: Task<Void, any Error>

  /// Starts `program` (a path, or a name found in PATH), whose outputs go to the file `log`.
  public init(
    _ program: String, _ arguments: [String], environment: [String: String] = [:], log: FilePath
  ) throws {
    var ends: [Int32] = [0, 0]
    // A pipe could be inherited by another program that a test starts in the next instant.
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
      throw Errno(rawValue: errno)
    }
    let (input, output) = (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
    let target = try FileDescriptor.open(
      log, .writeOnly, options: [.create, .truncate, .closeOnExec], permissions: .ownerReadWrite)
    var changes: [Subprocess.Environment.Key: String?] = [:]
    for (name, value) in environment { changes[Subprocess.Environment.Key(stringLiteral: name)] = value }
    let variables = Subprocess.Environment.inherit.updating(changes)
    run = Task {
      _ = try await Subprocess.run(
        .name("python3"), arguments: Arguments(["-c", Self.keeper, program] + arguments), environment: variables,
        input: .fileDescriptor(input, closeAfterSpawningProcess: true),
        output: .fileDescriptor(target, closeAfterSpawningProcess: true),
        error: .fileDescriptor(target, closeAfterSpawningProcess: false))
    }
    self.log = log
    lifeline = Mutex(output)
  }

  deinit {
    letGo()
  }

  /// Kills the program and waits until it is gone.
  public func stop() async throws {
    letGo()
    try await run.value
  }

  private func letGo() {
    // Closing fails only if the descriptor is closed already.
    lifeline.withLock { try? $0.take()?.close() }
  }

  /// The program's output so far.
  public var output: String {
    (try? Data(contentsOf: URL(fileURLWithPath: log.string))).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }
}
