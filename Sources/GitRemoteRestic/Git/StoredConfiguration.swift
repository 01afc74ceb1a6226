/// The configuration of the stored repository, which somebody else may have written: what in it could run a program on this
/// machine, and what to say against it.
///
/// Everything that is known to run something is switched off by name (`fixed`). Beyond that every variable of the stored
/// repository is looked at, and one that sounds like a command is emptied: filters, archivers, hooks of later gits.
/// Checked by the mounted tests with a planted command each.
struct StoredConfiguration: Hashable, Sendable {
  /// The names of the variables: section and key in lower case.
  let names: [String]

  /// What always counts. Also: pushes are one git packfile, no automatic gc, and shallow and partial clones and push
  /// options are served, as the services of a hosted repository do.
  private static let fixed = [
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.alternateRefsCommand=true", "core.sshCommand=false",
    "core.gitProxy=", "core.askPass=", "core.editor=false", "core.pager=", "gc.auto=0", "receive.autogc=false",
    "maintenance.auto=false", "credential.helper=", "gpg.program=false", "protocol.allow=never",
    // A work tree that the repository names is not to be written to.
    "receive.denyCurrentBranch=ignore", "receive.updateServerInfo=false",
    "receive.advertisePushOptions=true", "uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true",
  ]

  private static let commandEndings = [
    "command", "cmd", "program", "helper", "hook", "hookspath", "proxy", "pager", "editor", "askpass", "fsmonitor",
    "process", "smudge", "clean", "textconv", "driver", "external", "browser", "uploadpack", "receivepack", "vcs",
  ]

  /// Reads the configuration of the repository at `path` as the services will read it.
  static func load(_ path: String, environment: ProcessEnvironment) throws(HelperError) -> StoredConfiguration {
    var environment = environment
    environment["GIT_DIR"] = "."
    let result = try GitCommand(
      ["-C", path, "config", "--list", "--show-scope", "--name-only", "-z"], environment: environment
    ).run()
    guard result.isSuccess else {
      throw HelperError(
        "the configuration of the stored repository cannot be read: \(result.errorOutput.split(separator: "\n").last ?? "")"
      )
    }
    return StoredConfiguration(parsing: result.output)
  }

  /// From scopes and names, each ended by a NUL: those of the repository itself.
  init(parsing bytes: [UInt8]) {
    let words = bytes.split(separator: 0, omittingEmptySubsequences: false).map { String(decoding: $0, as: UTF8.self) }
    names = stride(from: 0, to: words.count - 1, by: 2)
      .filter { words[$0] == "local" || words[$0] == "worktree" }.map { words[$0 + 1] }
  }

  /// What `git` is to be called with, before the subcommand.
  var arguments: [String] {
    var settings = Self.fixed
    if !names.contains(where: { $0 == "receive.unpacklimit" || $0 == "transfer.unpacklimit" }) {
      settings.append("receive.unpackLimit=1")
    }
    for name in Set(names).sorted() { settings += Self.countermeasures(against: name) }
    return settings.flatMap { ["-c", $0] }
  }

  private static func countermeasures(against name: String) -> [String] {
    let parts = name.split(separator: ".")
    guard parts.count > 1, let key = parts.last?.lowercased() else { return [] }
    let group = parts.dropLast().joined(separator: ".")
    switch parts[0] {
    case "filter":
      return key == "required" ? ["\(name)=false"] : ["\(name)=", "\(group).required=false"]
    case "tar":
      // git's own compression stays, whatever the repository says.
      let isBuiltIn = group == "tar.tgz" || group == "tar.tar.gz"
      return key == "command" ? [isBuiltIn ? "\(name)=gzip -cn" : "\(name)=false"] : []
    case "hook":
      return ["\(group).enabled=false"]
    case "core", "credential", "gpg":
      return key.hasSuffix("command") && !name.hasPrefix("core.") ? ["\(name)=false"] : []
    case "uploadpack":
      // git itself takes packObjectsHook from the user's own configuration only, and would try to run an empty one.
      return []
    default:
      return commandEndings.contains(where: key.hasSuffix) ? ["\(name)="] : []
    }
  }
}
