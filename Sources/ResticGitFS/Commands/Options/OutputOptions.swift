import ArgumentParser
import Logging
import SystemPackage

/// How much a command prints, and where.
struct OutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print more; twice for debugging, three times for everything.")
  var verbose: Int

  @Option(help: ArgumentHelp("Append log lines to this file.", valueName: "file"), completion: .file())
  var logFile: String?

  @Option(
    help: ArgumentHelp("How log lines are written: text, or json for one object a line.", valueName: "format"))
  var logFormat = LogFormat.text

  func validate() throws {
    if quiet, verbose > 0 { throw ValidationError("--quiet and --verbose exclude each other") }
  }

  /// The least level that is logged.
  var logLevel: Logger.Level {
    switch verbose {
    case 0: quiet ? .error : .warning
    case 1: .info
    case 2: .debug
    default: .trace
    }
  }

  /// A logger with these options. A relative log file is resolved against the current working directory.
  func makeLogger(_ destination: LogDestination) throws(CommandError) -> Logger {
    destination.format = logFormat
    if let logFile { try destination.useFile(FilePath(logFile).absolute()) }
    return destination.makeLogger(level: logLevel)
  }
}
