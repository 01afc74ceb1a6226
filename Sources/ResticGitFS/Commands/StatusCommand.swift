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

      The object is the value of the mount's attribute user.restic.status. What was unmounted and is still served, since it is \
      being saved or another mount namespace has it, is listed with fewer members.
      """)

  @Flag(help: "Print JSON.")
  var json = false

  @Argument(
    help: "Where the repository is mounted (default: all mounts of this user).", completion: MountCompletion.kind)
  var mountpoint: String?

  /// A mount that does not tell its status.
  private struct Failure: Encodable {
    let mountpoint: String
    let error: String
  }

  func run(in context: CommandContext) async throws {
    let table = try MountTable.load()
    if let mountpoint {
      let mount = try MountedDirectory.find(mountpoint, in: table)
      let answer = try await mount.statusTextInTime().get()
      context.say(json ? String(decoding: answer, as: UTF8.self) : StatusText.text(try mount.decoded(answer)))
      return
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
    if json {
      context.say("[" + texts.joined(separator: ",") + "]")
    } else {
      context.say(texts.isEmpty ? "nothing is mounted" : texts.joined(separator: "\n\n"))
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
      return "\(mount.path.string.printable)\n  \(error.description.printable)"
    }
  }
}
