import Subprocess

/// What the user's own git configuration says.
enum GitConfiguration {
  /// The branch that a new repository's `HEAD` names: `init.defaultBranch`, else `main`.
  static func defaultBranch() async -> String {
    let fallback = "main"
    // Without git on the path, or without the setting, there is nothing to find: both are fine.
    let result = try? await run(
      .name("git"), arguments: ["config", "--get", "init.defaultBranch"], output: .string(limit: 4096),
      error: .discarded)
    guard let result, case .exited(0) = result.terminationStatus,
      let line = result.standardOutput.split(separator: "\n").first
    else { return fallback }
    return String(line)
  }
}
