import Platform
import ResticCore
import SystemPackage

/// Values of the user's own git configuration.
enum GitConfiguration {
  /// The branch that `HEAD` names in a repository made by the user's git: `init.defaultBranch`, otherwise this git's
  /// default.
  static func defaultBranch() async -> String {
    let fallback = "main"
    // Without git in PATH, or with git before 2.35, there is no answer; the first push decides then.
    let result = try? await BlockingExecutor(threadCount: 1).run { () throws(Errno) in
      try ProgramOutput.of("git", ["var", "GIT_DEFAULT_BRANCH"], signals: .unblocked)
    }
    guard let result, result.end == .exited(0),
      let line = String(decoding: result.output, as: UTF8.self).split(separator: "\n").first
    else { return fallback }
    return String(line)
  }
}
