import Glibc
import SystemPackage

/// The conversation with git: `capabilities`, `option`, `connect`.
///
/// After `connect`, standard input and output belong to the service, as if git had started it directly: so every
/// feature of git works. git waits for the answer to each line before it continues.
/// Source: gitremote-helpers(7).
struct RemoteHelper {
  /// The length limit of a line; git's lines are shorter.
  private static let longestLine = 65536

  /// The arguments from git.
  let command: CommandLineWords
  /// The variables of this process at its start.
  let environment: ProcessEnvironment
  /// Traces what happens.
  let trace: Trace

  /// Answers until git has no more commands, or a service has done its work.
  func run() throws(HelperError) {
    var isQuiet = false
    while let line = try Self.readLine(), !line.isEmpty {
      trace.write("git asks: \(line)")
      let words = line.split(separator: " ", maxSplits: 1).map(String.init)
      switch words.first {
      case "capabilities":
        StandardOutput.write(Array("option\nconnect\n\n".utf8))
      case "option":
        let option = words.count > 1 ? words[1] : ""
        if let verbosity = Self.verbosity(in: option) { isQuiet = verbosity < 1 }
        StandardOutput.write(Array("\(Self.answer(toOption: option))\n".utf8))
      case "connect":
        guard let service = Service(rawValue: words.count > 1 ? words[1] : "") else {
          StandardOutput.write(Array("fallback\n".utf8))
          continue
        }
        return try Connection(
          service: service, command: command, isQuiet: isQuiet, environment: environment, trace: trace
        ).serve()
      default:
        throw HelperError("git sent '\(line)', a command that git-remote-restic does not support")
      }
    }
  }

  /// The answer to an option: the services negotiate progress and verbosity themselves, with the client's own settings,
  /// so these two are supported; git handles all others after `connect`.
  static func answer(toOption option: String) -> String {
    switch option.split(separator: " ").first {
    case "verbosity", "progress": "ok"
    default: "unsupported"
    }
  }

  /// How much git prints, if `option` is about that: 0 with --quiet, 1, or more with --verbose.
  static func verbosity(in option: String) -> Int? {
    let words = option.split(separator: " ")
    return words.count == 2 && words[0] == "verbosity" ? Int(words[1]) : nil
  }

  /// The next line, without its newline; nil at the end. Byte by byte, because the following bytes are for the service.
  private static func readLine() throws(HelperError) -> String? {
    var line: [UInt8] = []
    var byte: UInt8 = 0
    while true {
      let count: Int
      do {
        count = try withUnsafeMutableBytes(of: &byte) { try FileDescriptor.standardInput.read(into: $0) }
      } catch {
        throw HelperError("cannot read commands from git: \(error)")
      }
      guard count > 0 else { return nil }
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      guard line.count < longestLine else { throw HelperError("git sent a line that is too long") }
      line.append(byte)
    }
  }
}
