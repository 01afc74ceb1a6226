import Subprocess

/// What the user's own git configuration says.
enum GitConfiguration {
  /// The branch that `HEAD` names where the user's git makes a repository: `init.defaultBranch`, else what this git takes.
  static func defaultBranch() async -> String {
    let fallback = "main"
    // Without git on the path, or with one before 2.35, there is nothing to find: the first push tells.
    let result = try? await run(
      .name("git"), arguments: ["var", "GIT_DEFAULT_BRANCH"], output: .string(limit: 4096),
      error: .discarded)
    guard let result, case .exited(0) = result.terminationStatus,
      let line = result.standardOutput.split(separator: "\n").first
    else { return fallback }
    return String(line)
  }
}
