import MessageText
import Platform
import ResticCore
import SystemPackage

/// git's own programs on a stored repository: on a mount of this process, or on a mount that the user named.
///
/// git runs no program that the repository's configuration names, wherever the repository is mounted.
struct RepositoryGit: Sendable {
  /// The repository's folder.
  let folder: FilePath

  /// Settings that override the configuration of user and repository: git runs no program, reaches nothing but folders,
  /// and believes no file that describes objects which it can read itself. Another client may have written such a file,
  /// and it could say that a forced push went forward.
  private static let settings = [
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.alternateRefsCommand=true", "core.sshCommand=false",
    "core.gitProxy=", "core.askPass=", "credential.helper=", "gpg.program=false", "gc.auto=0", "maintenance.auto=false",
    "protocol.allow=never", "protocol.file.allow=always", "protocol.version=2", "core.commitGraph=false",
    "core.multiPackIndex=false",
  ]

  /// Variables to remove: those that git sets for hooks and other programs about another repository, and those that
  /// would replace objects or override the settings.
  private static let foreign: [String: String?] = Dictionary(
    uniqueKeysWithValues: [
      "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
      "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE",
      "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT", "GIT_ALLOW_PROTOCOL",
      "GIT_PROTOCOL_FROM_USER",
    ].map { ($0, String?.none) })

  /// No object replaces another, no history is cut off, and git fetches nothing on its own. git still warns of a graft
  /// file.
  private static let withoutSubstitutes: [String: String?] = [
    "GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": "/dev/null/none", "GIT_SHALLOW_FILE": "",
    "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
  ]

  /// The path of `folder` in the mount at `root`.
  static func path(_ root: FilePath, _ folder: [Name]) -> FilePath { root.appending(folder) }

  /// Throws unless git accepts `name` as the name of a ref, and no ref has that name.
  func requireNew(_ name: String) async throws {
    guard try await run(["check-ref-format", name]).end == .exited(0) else {
      throw CommandError("git takes \(name) for no ref: give another name with --as")
    }
    guard try await run(["rev-parse", "--verify", "--quiet", name]).end != .exited(0) else {
      throw CommandError("\(name) is there already, and stays as it is: give another name with --as")
    }
  }

  /// Fetches what the object `id` of the repository at `source` reaches. The object is requested by its id, because
  /// other clients choose the names of refs, and git could interpret such a name.
  ///
  /// git takes everything that a ref reaches for present, and does not request it. With `everything`, git requests all
  /// that `id` reaches, for a repository in which some of that is missing.
  func fetch(_ id: String, from source: FilePath, everything: Bool = false) async throws {
    try await require(
      ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"]
        + (everything ? ["--refetch"] : []) + [source.string, id])
  }

  /// Throws unless the repository holds everything that `id` reaches. What the refs reach is not taken for present: the
  /// repository may be damaged. A shallow repository sends less, and says so only to a client that asks for a ref.
  func requireComplete(_ id: String) async throws {
    let result = try await run(["rev-list", "--objects", "--quiet", id])
    guard result.end != .exited(0) else { return }
    throw CommandError("the snapshot does not hold all that the ref reaches: \(Self.reason(result)); no ref was made")
  }

  /// Creates the ref `name`, which must not exist.
  func create(_ name: String, _ id: String) async throws {
    try await require(["update-ref", "--stdin"], input: "create \(name) \(id)\n")
  }

  /// Whether the commit that `old` leads to is an ancestor of the commit that `new` leads to, or the same commit; nil
  /// if the repository lacks a commit that would tell.
  func isAncestor(_ old: String, of new: String) async throws -> Bool? {
    let result = try await run(["merge-base", "--is-ancestor", old, new])
    // git only warns of a commit that is missing on the way.
    guard result.errorOutput.isEmpty else { return nil }
    switch result.end {
    case .exited(0): return true
    case .exited(1): return false
    default: return nil
    }
  }

  /// Starts a `git cat-file` that reads commits until it is ended.
  func startReader() throws(Errno) -> CommitReader {
    let arguments = Self.settings.flatMap { ["-c", $0] } + ["--git-dir=\(folder)", "cat-file", "--batch"]
    return try InheritedVariables.with(Self.foreign.merging(Self.withoutSubstitutes) { $1 }) {
      variables throws(Errno) in try CommitReader("git", arguments, variables: variables)
    }
  }

  private func require(_ arguments: [String], input: String = "") async throws {
    let result = try await run(arguments, input: input)
    guard result.end != .exited(0) else { return }
    throw CommandError("git \(arguments[0]) failed: \(Self.reason(result))")
  }

  private static func reason(_ result: ProgramOutput) -> String {
    String(decoding: result.errorOutput, as: UTF8.self).split(separator: "\n").last.map(String.init)
      ?? "it does not say why"
  }

  private func run(_ arguments: [String], input: String = "") async throws -> ProgramOutput {
    let changes = Self.foreign.merging(Self.withoutSubstitutes) { $1 }
    do throws(Errno) {
      return try await BlockingExecutor(threadCount: 1).run { [folder] () throws(Errno) in
        try InheritedVariables.with(changes) { variables throws(Errno) in
          try ProgramOutput.of(
            "git", Self.settings.flatMap { ["-c", $0] } + ["--git-dir=\(folder)"] + arguments, variables: variables,
            input: Array(input.utf8), signals: .unblocked)
        }
      }
    } catch {
      throw CommandError("git cannot be run: \(error)")
    }
  }
}
