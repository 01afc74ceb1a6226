import ArgumentParser
import Glibc
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

  func run(in context: CommandContext) async throws {
    let table = try MountTable.load()
    if let mountpoint {
      let mount = try MountedDirectory.find(mountpoint, in: table)
      context.say(json ? String(decoding: try mount.statusText(), as: UTF8.self) : StatusText.text(try mount.status()))
      return
    }
    let mounts = table.mounts(ownedBy: getuid()).map { MountedDirectory(path: $0.mountpoint) }
    if json {
      context.say("[" + mounts.map(Self.json).joined(separator: ",") + "]")
    } else {
      context.say(mounts.isEmpty ? "nothing is mounted" : mounts.map(Self.text).joined(separator: "\n\n"))
    }
  }

  private static func json(_ mount: MountedDirectory) -> String {
    do throws(CommandError) {
      return String(decoding: try mount.statusText(), as: UTF8.self)
    } catch {
      return JSONText.line(Failure(mountpoint: mount.path.string, error: error.description))
    }
  }

  private static func text(_ mount: MountedDirectory) -> String {
    do throws(CommandError) {
      return StatusText.text(try mount.status())
    } catch {
      return "\(mount.path)\n  \(error)"
    }
  }
}
