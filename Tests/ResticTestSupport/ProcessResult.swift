/// The result of a finished program.
public struct ProcessResult: Sendable {
  /// How a program ended.
  public enum Status: Hashable, Sendable {
    /// By itself, with this code.
    case exited(Int32)
    /// By this signal.
    case killed(signal: Int32)
  }

  /// How it ended.
  public let status: Status
  /// The bytes of the standard output.
  public let outputBytes: [UInt8]
  /// The bytes of the standard error.
  public let errorBytes: [UInt8]

  /// Whether it exited with 0.
  public var isSuccess: Bool { status == .exited(0) }
  /// The standard output as text; bytes that are not UTF-8 are replaced.
  public var output: String { String(decoding: outputBytes, as: UTF8.self) }
  /// The standard error as text; bytes that are not UTF-8 are replaced.
  public var errorOutput: String { String(decoding: errorBytes, as: UTF8.self) }
}

/// A program that did not succeed, or not in time.
public enum ProcessFailure: Error {
  /// The program was killed, with its process group, because it took longer than this.
  case timedOut(command: String, limit: Duration, result: ProcessResult)
  /// The program did not exit with 0.
  case failed(command: String, result: ProcessResult)
}

extension ProcessFailure: CustomStringConvertible {
  /// The command, how it ended, and everything it printed.
  public var description: String {
    switch self {
    case .timedOut(let command, let limit, let result):
      "\(command) took longer than \(limit)\n\(result.output)\(result.errorOutput)"
    case .failed(let command, let result):
      "\(command) ended with \(result.status)\n\(result.output)\(result.errorOutput)"
    }
  }
}
