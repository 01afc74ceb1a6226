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

  /// Runs `program` with `input`, and waits for its end, and for that of whatever it has left with its outputs; blocks the
  /// thread. Where the input is more than a pipe holds (64 KiB) the program has to read it before it writes much. One that
  /// does not read it must not end this process: SIGPIPE is ignored or blocked where there is an input.
  public static func of(
    _ program: String, _ arguments: [String], variables: ChildProcess.Variables? = nil, input: [UInt8] = [],
    signals: ChildProcess.Signals
  ) throws(Errno) -> ProgramOutput {
    let pipes = try Pipe.several(3)
    let (given, output, errors) = (pipes[0], pipes[1], pipes[2])
    defer { for end in [output.readEnd, errors.readEnd] { end.closeQuietly() } }
    let child: ChildProcess
    do throws(Errno) {
      defer { for end in [given.readEnd, output.writeEnd, errors.writeEnd] { end.closeQuietly() } }
      child = try ChildProcess.start(
        program, arguments, variables: variables,
        descriptors: [(0, given.readEnd), (1, output.writeEnd), (2, errors.writeEnd)], signals: signals)
    } catch {
      given.writeEnd.closeQuietly()
      throw error
    }
    let tail = PipeTail(of: errors.readEnd, byteLimit: errorByteLimit)
    // A program that does not read it has its reasons, and says so.
    if !input.isEmpty { _ = try? given.writeEnd.writeAll(input) }
    given.writeEnd.closeQuietly()
    let bytes = output.readEnd.readAll()
    let errorOutput = tail.wait()
    return ProgramOutput(end: child.wait(), output: bytes, errorOutput: errorOutput)
  }
}
