import Platform
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
    let result: ProgramOutput
    do throws(Errno) {
      result = try environment.withWords { variables throws(Errno) in
        try ProgramOutput.of("git", arguments, variables: &variables, input: input, signals: .endedByPipe)
      }
    } catch {
      throw HelperError("git cannot be started: \(error)")
    }
    return Result(
      isSuccess: result.end == .exited(0), output: result.output,
      errorOutput: String(decoding: result.errorOutput, as: UTF8.self))
  }
}
