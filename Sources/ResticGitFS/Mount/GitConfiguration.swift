import Platform
import ResticCore
import SystemPackage

/// What the user's own git configuration says.
enum GitConfiguration {
  /// The branch that `HEAD` names where the user's git makes a repository: `init.defaultBranch`, else what this git takes.
  static func defaultBranch() async -> String {
    let fallback = "main"
    // Without git on the path, or with one before 2.35, there is nothing to find: the first push tells.
    let result = try? await BlockingExecutor(threadCount: 1).run { () throws(Errno) in
      try ProgramOutput.of("git", ["var", "GIT_DEFAULT_BRANCH"], signals: .unblocked)
    }
    guard let result, result.end == .exited(0),
      let line = String(decoding: result.output, as: UTF8.self).split(separator: "\n").first
    else { return fallback }
    return String(line)
  }
}
