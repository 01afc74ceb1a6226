import Foundation
import Glibc
import Subprocess
import Synchronization
public import SystemPackage

/// Runs programs for tests: with an environment, a directory, an input and a time limit, in a process group of their own.
///
/// Input and outputs are files, not pipes: nothing deadlocks on a full pipe, and a daemon that keeps its parent's
/// descriptors open does not keep a test waiting.
public struct ProcessRunner: Sendable {
  /// Variables set beside those of the test; nil removes one.
  public var environment: [String: String?]
  /// Where programs start; nil is the test's own directory.
  public var directory: FilePath?
  /// After this a program and its process group are killed.
  public var timeout: Duration

  /// A runner.
  public init(environment: [String: String?] = [:], directory: FilePath? = nil, timeout: Duration = .seconds(600)) {
    self.environment = environment
    self.directory = directory
    self.timeout = timeout
  }

  /// The result of `program` (a path, or a name found in PATH), whatever its status. Throws `ProcessFailure.timedOut` when the
  /// time is up.
  public func run(_ program: String, _ arguments: [String] = [], input: [UInt8] = []) async throws -> ProcessResult {
    let files = try TemporaryDirectory(prefix: "restic-gitfs-process")
    let (inputPath, outputPath, errorPath) = (
      files.path.appending("input"), files.path.appending("output"), files.path.appending("error")
    )
    try Data(input).write(to: URL(fileURLWithPath: inputPath.string))
    let inputFile = try FileDescriptor.open(inputPath, .readOnly, options: .closeOnExec)
    let outputFile = try Self.create(outputPath)
    let errorFile = try Self.create(errorPath)

    var options = PlatformOptions()
    options.processGroupID = 0
    let watchdog = Watchdog()
    let status: TerminationStatus
    do {
      status = try await withTaskCancellationHandler {
        try await Subprocess.run(
          program.contains("/") ? .path(FilePath(program)) : .name(program), arguments: Arguments(arguments),
          environment: subprocessEnvironment, workingDirectory: directory, platformOptions: options,
          input: .fileDescriptor(inputFile, closeAfterSpawningProcess: true),
          output: .fileDescriptor(outputFile, closeAfterSpawningProcess: true),
          error: .fileDescriptor(errorFile, closeAfterSpawningProcess: true)
        ) { execution in
          watchdog.watch(execution.processIdentifier.value, limit: timeout)
        }.terminationStatus
      } onCancel: {
        watchdog.kill()
      }
    } catch {
      watchdog.stop()
      throw error
    }
    let result = ProcessResult(
      status: Self.status(status), outputBytes: try Self.read(outputPath), errorBytes: try Self.read(errorPath))
    if watchdog.stop() {
      let command = ([program] + arguments).joined(separator: " ")
      throw ProcessFailure.timedOut(command: command, limit: timeout, result: result)
    }
    return result
  }

  /// The result of `program`. Throws `ProcessFailure` unless the program exits with 0 in time.
  @discardableResult
  public func check(_ program: String, _ arguments: [String] = [], input: [UInt8] = []) async throws -> ProcessResult {
    let result = try await run(program, arguments, input: input)
    guard result.isSuccess else {
      throw ProcessFailure.failed(command: ([program] + arguments).joined(separator: " "), result: result)
    }
    return result
  }

  private var subprocessEnvironment: Subprocess.Environment {
    var changes: [Subprocess.Environment.Key: String?] = [:]
    for (name, value) in environment {
      changes[Subprocess.Environment.Key(stringLiteral: name)] = value
    }
    return .inherit.updating(changes)
  }

  private static func create(_ path: FilePath) throws -> FileDescriptor {
    try FileDescriptor.open(
      path, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWrite)
  }

  private static func read(_ path: FilePath) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path.string)))
  }

  private static func status(_ status: TerminationStatus) -> ProcessResult.Status {
    switch status {
    case .exited(let code): .exited(code)
    case .signaled(let signal): .killed(signal: signal)
    }
  }
}

/// Kills a process group when its time is up. `state` is a leaf lock.
private final class Watchdog: Sendable {
  private struct State {
    var group: pid_t?
    var timer: Task<Void, Never>?
    var isTimedOut = false
  }

  private let state = Mutex(State())

  func watch(_ process: pid_t, limit: Duration) {
    let timer = Task {
      do {
        try await Task.sleep(for: limit)  // The limit itself.
      } catch {
        return  // Stopped: the program has ended.
      }
      // A process that has ended was quick enough, even if a busy machine has not noticed the end yet.
      let isTimedOut = state.withLock { state in
        state.isTimedOut = state.group.map(Self.isRunning) ?? false
        return state.isTimedOut
      }
      if isTimedOut { kill() }
    }
    state.withLock { state in
      state.group = process
      state.timer = timer
    }
    if Task.isCancelled { kill() }
  }

  /// A process that has ended stays a zombie until its parent reaps it.
  private static func isRunning(_ process: pid_t) -> Bool {
    guard let file = try? FileDescriptor.open("/proc/\(process)/stat", .readOnly) else { return false }
    defer { try? file.close() }
    var bytes = [UInt8](repeating: 0, count: 512)
    guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }) else { return false }
    let text = String(decoding: bytes[..<count], as: UTF8.self)
    return text.lastIndex(of: ")").map { !text[$0...].dropFirst(2).hasPrefix("Z") } ?? false
  }

  func kill() {
    state.withLock { state in
      if let group = state.group { _ = Glibc.kill(-group, SIGKILL) }
    }
  }

  /// Whether the time was up before the program ended.
  @discardableResult
  func stop() -> Bool {
    state.withLock { state in
      state.timer?.cancel()
      state.group = nil
      return state.isTimedOut
    }
  }
}
