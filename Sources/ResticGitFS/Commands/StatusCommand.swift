import ArgumentParser
import Glibc
import MessageText
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
        restic-gitfs status --watch           again every 2 seconds, until Ctrl-C
        restic-gitfs status --watch 10 ~/vault

      The object is the value of the mount's attribute user.restic.status. A mount that was unmounted but is still \
      being saved, or that another mount namespace still has, is listed with fewer members.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Repeat in this interval until Ctrl-C (default: \(WatchInterval.standard.shortText)). Without a terminal, append.",
      valueName: "seconds"),
    transform: WatchInterval.parse)
  var watch: WatchInterval?

  @Argument(
    help: "Where the repository is mounted (default: all mounts of this user).", completion: MountCompletion.kind)
  var mountpoint: String?

  /// A mount that does not report its status.
  private struct Failure: Encodable {
    let mountpoint: String
    let error: String
  }

  func run(in context: CommandContext) async throws {
    guard let watch else { return context.say(try await text(in: context)) }
    let output = StandardStream.output
    while StandardStream.outputFailure == nil {
      // Somebody may have made the window smaller.
      let screen = WatchScreen(isTerminal: output.canBeOverwritten, isJSON: json, size: output.size)
      output.write(screen.frame(try await text(in: context), at: .now()))
      try await Task.sleep(for: watch.duration)
    }
  }

  /// The text to show now, without a newline at the end.
  private func text(in context: CommandContext) async throws -> String {
    let table = try MountTable.loadForCommand()
    if let mountpoint {
      let mount = try RepositoryWord(mountpoint, in: table, context.environment).mount(in: table)
      let answer = try await mount.statusTextInTime().get()
      return json ? String(decoding: answer, as: UTF8.self) : StatusText.text(try mount.decoded(answer))
    }
    let mounts = table.mounts(ownedBy: getuid()).map { MountedDirectory(path: $0.mountpoint) }
    let answers = mounts.map { mount in Task { await mount.statusTextInTime() } }
    var texts: [String] = []
    for (mount, answer) in zip(mounts, answers) {
      let answer = await answer.value
      texts.append(json ? Self.json(mount, answer) : Self.text(mount, answer))
    }
    for session in UnlistedSession.find(stateHome: context.environment.stateHome, table: table) {
      texts.append(json ? JSONText.line(session) : session.text)
    }
    if json { return "[" + texts.joined(separator: ",") + "]" }
    return texts.isEmpty ? "nothing is mounted" : texts.joined(separator: "\n\n")
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
      return "\(mount.path.string.printable)\n  \(error.description.printable)"
    }
  }
}
