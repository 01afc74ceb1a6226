import MessageText
import Platform
import ResticCore
import SystemPackage

/// git's own programs on the repository that a ref is brought back to.
struct RestorationGit: Sendable {
  /// The repository's folder.
  let folder: FilePath

  /// What git tells hooks and the like about another repository.
  private static let foreign: [String: String?] = Dictionary(
    uniqueKeysWithValues: [
      "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES",
      "GIT_COMMON_DIR", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_SHALLOW_FILE", "GIT_GRAFT_FILE",
      "GIT_REPLACE_REF_BASE", "GIT_NO_REPLACE_OBJECTS",
    ].map { ($0, String?.none) })

  /// Throws unless git would take `name` for a new ref, and there is none of that name.
  func requireNew(_ name: String) async throws {
    guard try await run(["check-ref-format", name]).end == .exited(0) else {
      throw CommandError("git takes \(name) for no ref: give another name with --as")
    }
    guard try await run(["rev-parse", "--verify", "--quiet", name]).end != .exited(0) else {
      throw CommandError("\(name) is there already, and stays as it is: give another name with --as")
    }
  }

  /// Brings what `ref` of the repository at `source` reaches.
  func fetch(_ ref: String, from source: FilePath) async throws {
    try await require([
      "-c", "protocol.file.allow=always", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "fetch", "--quiet",
      "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", source.string, ref,
    ])
  }

  /// Makes the ref `name`, which must not be there.
  func create(_ name: String, _ id: String) async throws {
    try await require(["update-ref", "--stdin"], input: "create \(name) \(id)\n")
  }

  private func require(_ arguments: [String], input: String = "") async throws {
    let result = try await run(arguments, input: input)
    guard result.end != .exited(0) else { return }
    let reason =
      String(decoding: result.errorOutput, as: UTF8.self).split(separator: "\n").last ?? "it does not say why"
    throw CommandError("git \(arguments.first { !$0.hasPrefix("-") && !$0.contains("=") } ?? "") failed: \(reason)")
  }

  private func run(_ arguments: [String], input: String = "") async throws -> ProgramOutput {
    do throws(Errno) {
      return try await BlockingExecutor(threadCount: 1).run { [folder] () throws(Errno) in
        try InheritedVariables.with(Self.foreign) { variables throws(Errno) in
          try ProgramOutput.of(
            "git", ["--git-dir=\(folder)"] + arguments, variables: variables, input: Array(input.utf8),
            signals: .unblocked)
        }
      }
    } catch {
      throw CommandError("git cannot be run: \(error)")
    }
  }
}
