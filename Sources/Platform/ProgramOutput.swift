public import SystemPackage

/// The output of a short program that this process waits for.
public struct ProgramOutput: Sendable {
  /// How the program ended; nil if the system does not report it.
  public let end: ChildProcess.End?
  /// Its standard output.
  public let output: [UInt8]
  /// The end of its standard error, which holds the reason of a failure: at most `errorByteLimit` bytes.
  public let errorOutput: [UInt8]

  /// How many bytes of standard error are kept.
  public static let errorByteLimit = 65536

  /// Runs `program` with `input`, and waits for its end; blocks the thread. Processes that the program leaves behind
  /// with its output open are not waited for. A program that does not read its input must not end this process: if
  /// there is an input, SIGPIPE is ignored or blocked.
  ///
  /// With `limits` the program leads a session of its own, without a terminal; `.timedOut`, `.canceled` or
  /// `.fileTooLarge` is thrown if it reaches a limit. `sharesErrors`: the program writes to this process's standard
  /// error, and `errorOutput` is empty.
  public static func of(
    _ program: String, _ arguments: [String], variables: ChildProcess.Variables? = nil, input: [UInt8] = [],
    signals: ChildProcess.Signals, limits: ProgramLimits? = nil, sharesErrors: Bool = false
  ) throws(Errno) -> ProgramOutput {
    let pipes = try Pipe.several(sharesErrors ? 2 : 3)
    let (given, output, errors) = (pipes[0], pipes[1], sharesErrors ? nil : pipes[2])
    defer { for end in [output.readEnd, errors?.readEnd] { end?.closeQuietly() } }
    let child: ChildProcess
    do throws(Errno) {
      defer { for end in [given.readEnd, output.writeEnd, errors?.writeEnd] { end?.closeQuietly() } }
      let ends: [(Int32, FileDescriptor?)] = [(0, given.readEnd), (1, output.writeEnd), (2, errors?.writeEnd)]
      child = try ChildProcess.start(
        program, arguments, variables: variables,
        descriptors: ends.compactMap { theirs, end in end.map { (theirs, $0) } }, signals: signals,
        leadsSession: limits != nil, endsWith: .ofProcess)
    } catch {
      given.writeEnd.closeQuietly()
      throw error
    }
    var reading = ProgramReading(
      child, input: given.writeEnd, input, output: output.readEnd, errors: errors?.readEnd, limits: limits)
    return try reading.run()
  }
}
