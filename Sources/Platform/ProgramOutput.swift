public import SystemPackage

/// What a program printed that is short, and over before anything else goes on.
public struct ProgramOutput: Sendable {
  /// How it ended; nil where the system does not tell.
  public let end: ChildProcess.End?
  /// Its standard output.
  public let output: [UInt8]
  /// The end of its standard error, where the reason of a failure is: at most `errorByteLimit` bytes.
  public let errorOutput: [UInt8]

  /// How much is kept of standard error.
  public static let errorByteLimit = 65536

  /// Runs `program` with `input`, and waits for its end; blocks the thread. Whoever it has left behind with its outputs is not waited
  /// for. A program that does not read its input must not end this process: SIGPIPE is ignored or blocked where there is an input.
  ///
  /// With `limits` it leads a session of its own, without a terminal, and `.timedOut`, `.canceled` or `.fileTooLarge` is thrown where
  /// one of them was met. `sharesErrors`: its standard error is ours, and `errorOutput` is empty.
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
        leadsSession: limits != nil)
    } catch {
      given.writeEnd.closeQuietly()
      throw error
    }
    var reading = ProgramReading(
      child, input: given.writeEnd, input, output: output.readEnd, errors: errors?.readEnd, limits: limits)
    return try reading.run()
  }
}
