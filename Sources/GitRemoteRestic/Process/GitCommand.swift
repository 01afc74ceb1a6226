import SystemPackage

/// A git command whose output is wanted: short, and over before anything else goes on.
struct GitCommand {
  /// What came of it.
  struct Result: Sendable {
    let isSuccess: Bool
    var output: [UInt8]
    /// The end of what it has said: the reason of a failure comes last.
    let errorOutput: String

    /// The output without its last newline.
    var line: String {
      let text = String(decoding: output, as: UTF8.self)
      return text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
  }

  /// How much is kept of what a command says.
  static let errorByteLimit = 65536

  /// Its words after `git`.
  let arguments: [String]
  /// Its variables.
  let environment: ProcessEnvironment

  init(_ arguments: [String], environment: ProcessEnvironment) {
    self.arguments = arguments
    self.environment = environment
  }

  /// Runs it with `input`. Where that is more than a pipe holds (64 KiB) the command has to read it before it writes much.
  func run(input: [UInt8] = []) throws(HelperError) -> Result {
    let (inputPipe, output, error) = (try Pipe(), try Pipe(), try Pipe())
    let child = try ChildProcess.start(
      "git", arguments, environment: environment,
      descriptors: [0: inputPipe.readEnd, 1: output.writeEnd, 2: error.writeEnd])
    for end in [inputPipe.readEnd, output.writeEnd, error.writeEnd] { end.closeQuietly() }
    let errors = PipeTail(of: error.readEnd, byteLimit: Self.errorByteLimit)
    // A command that does not read it has its reasons, and says so.
    _ = try? inputPipe.writeEnd.writeAll(input)
    inputPipe.writeEnd.closeQuietly()
    let bytes = output.readEnd.readAll()
    let errorOutput = String(decoding: errors.wait(), as: UTF8.self)
    output.readEnd.closeQuietly()
    error.readEnd.closeQuietly()
    return Result(isSuccess: child.wait() == .exited(0), output: bytes, errorOutput: errorOutput)
  }
}
