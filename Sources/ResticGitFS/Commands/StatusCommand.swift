import ArgumentParser
import Glibc
import ResticCore
import SystemPackage

/// `restic-gitfs status`: what mounts are doing.
struct StatusCommand: ContextualCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show what a mount, or every mount of yours, is doing.",
    discussion: """
      EXAMPLES
        restic-gitfs status
        restic-gitfs status --json ~/vault    one object
        restic-gitfs status --json            an array of them

      The object is the value of the mount's attribute user.restic.status.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  @Argument(help: "Where the repository is mounted (default: all mounts of this user).", completion: .directory)
  var mountpoint: String?

  /// A mount that does not tell its status.
  private struct Failure: Encodable {
    let mountpoint: String
    let error: String
  }

  /// How long a mount may take to tell its status, for which it waits for nothing: one that takes longer hangs.
  private static let patience = Duration.seconds(5)

  func run(in context: CommandContext) async throws {
    let table = try MountTable.load()
    if let mountpoint {
      let mount = try MountedDirectory.find(mountpoint, in: table)
      let answer = try await Self.answer(of: mount).get()
      context.say(json ? String(decoding: answer, as: UTF8.self) : StatusText.text(try mount.decoded(answer)))
      return
    }
    let mounts = table.mounts(ownedBy: getuid()).map { MountedDirectory(path: $0.mountpoint) }
    let answers = mounts.map { mount in Task { await Self.answer(of: mount) } }
    var texts: [String] = []
    for (mount, answer) in zip(mounts, answers) {
      let answer = await answer.value
      texts.append(json ? Self.json(mount, answer) : Self.text(mount, answer))
    }
    if json {
      context.say("[" + texts.joined(separator: ",") + "]")
    } else {
      context.say(texts.isEmpty ? "nothing is mounted" : texts.joined(separator: "\n\n"))
    }
  }

  /// The status of `mount` in JSON. A mount that hangs keeps a thread until this process ends.
  private static func answer(of mount: MountedDirectory) async -> Result<[UInt8], CommandError> {
    await withCheckedContinuation { continuation in
      let waiting = FirstAnswer(continuation)
      Task {
        let answer = await BlockingExecutor(threadCount: 1).run {
          Result { () throws(CommandError) in try mount.statusText() }
        }
        waiting.resume(answer)
      }
      Task {
        // It is never cancelled.
        try? await Task.sleep(for: patience)
        let failure = CommandError(
          """
          \(mount.path) does not answer; if it never does, kill the process that serves it (what is not saved is lost), and \
          clear the mountpoint with `restic-gitfs umount \(mount.path)`
          """)
        waiting.resume(.failure(failure))
      }
    }
  }

  private static func json(_ mount: MountedDirectory, _ answer: Result<[UInt8], CommandError>) -> String {
    switch answer {
    case .success(let text): String(decoding: text, as: UTF8.self)
    case .failure(let error): JSONText.line(Failure(mountpoint: mount.path.string, error: error.description))
    }
  }

  private static func text(_ mount: MountedDirectory, _ answer: Result<[UInt8], CommandError>) -> String {
    do throws(CommandError) {
      return StatusText.text(try mount.decoded(try answer.get()))
    } catch {
      return "\(mount.path)\n  \(error)"
    }
  }
}

/// A continuation that goes on with the first of two answers; the other comes to nothing. Its lock is a leaf.
private final class FirstAnswer: Sendable {
  private let waiting: Locked<CheckedContinuation<Result<[UInt8], CommandError>, Never>?>

  init(_ continuation: CheckedContinuation<Result<[UInt8], CommandError>, Never>) {
    waiting = Locked(continuation)
  }

  func resume(_ answer: Result<[UInt8], CommandError>) {
    waiting.withLock { $0.take() }?.resume(returning: answer)
  }
}
