import Dispatch
import MessageText
import Platform
import SystemPackage

/// A git server program at work. What it says on standard error, the stored repository's names included, reaches ours as text
/// that a terminal only shows. Not safe from several threads at once.
final class ServerProcess {
  private let process: ChildProcess
  private let errors: FileDescriptor
  private let relaying = DispatchGroup()

  /// Starts `command` with these as its standard input and output, which stay the caller's.
  init(_ command: ServerCommand, input: FileDescriptor, output: FileDescriptor) throws(HelperError) {
    let pipe = try Pipe.open(1)[0]
    defer { pipe.writeEnd.closeQuietly() }
    do throws(HelperError) {
      process = try ChildProcess.start(
        "git", command.arguments, environment: command.environment,
        descriptors: [(0, input), (1, output), (2, pipe.writeEnd)])
    } catch {
      pipe.readEnd.closeQuietly()
      throw error
    }
    errors = pipe.readEnd
    DispatchQueue(label: "errors").async(group: relaying) { [errors] in
      var text = PrintableText()
      // Nobody is told when nobody listens.
      errors.readAll { _ = try? FileDescriptor.standardError.writeAll(text.next($0)) }
    }
  }

  /// An end that the system does not report is none that git calls a success.
  private static let unknownEnd = ChildProcess.End.exited(-1)

  /// Waits for its end, and until all that it has said is passed on.
  func wait() -> ChildProcess.End {
    let end = process.wait() ?? Self.unknownEnd
    relaying.wait()
    errors.closeQuietly()
    return end
  }
}
