/// What a finished program left behind.
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
  /// What it wrote to its standard output.
  public let outputBytes: [UInt8]
  /// What it wrote to its standard error.
  public let errorBytes: [UInt8]

  /// Whether it exited with 0.
  public var isSuccess: Bool { status == .exited(0) }
  /// The standard output as text; what is not UTF-8 is replaced.
  public var output: String { String(decoding: outputBytes, as: UTF8.self) }
  /// The standard error as text; what is not UTF-8 is replaced.
  public var errorOutput: String { String(decoding: errorBytes, as: UTF8.self) }
}

/// A program that did not do what a test needs of it.
public enum ProcessFailure: Error {
  /// It was killed, with its process group, because it took longer than this.
  case timedOut(command: String, limit: Duration, result: ProcessResult)
  /// It ended with something else than 0.
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
