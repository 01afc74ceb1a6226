import ArgumentParser

/// What `--generate-completion-script` prints: ArgumentParser's script, in which an argument that may be a name or a folder
/// (`RepositoryCompletion.kind`) gets both. ArgumentParser itself knows the shell's folders or words of the program's own.
enum CompletionScript {
  /// The option that asks for a script, and takes the shell's name.
  static let option = "--generate-completion-script"

  /// The script that `arguments` ask for; nil where they ask for something else, or for no shell that there is a script for.
  static func asked(by arguments: [String]) -> String? {
    guard arguments.count == 2, arguments[0] == option, let shell = CompletionShell(rawValue: arguments[1]) else {
      return nil
    }
    return text(for: shell)
  }

  /// The script of `shell`.
  static func text(for shell: CompletionShell) -> String {
    let script = ResticGitFS.completionScript(for: shell)
    let (command, arguments) = (RepositoryCompletion.namesCommand, RepositoryCompletion.namesArguments)
    switch shell {
    case .bash:
      return script.replacing(
        #"__restic-gitfs_add_completions -W "$(eval '\#(command)')""#,
        with: """
          __restic-gitfs_add_completions -W "$("${COMP_WORDS[0]}" \(arguments))"
                  __restic-gitfs_add_completions -d
          """)
    case .zsh:
      return script.replacing(
        #"{local -a list;list=(${(f)"$(\#(command))"});_describe -V "" list}"#,
        with: "{__restic-gitfs_custom_complete \(arguments); _files -/}")
    case .fish:
      return script.replacing(
        "(\(command))",
        with: "(__restic-gitfs_custom_completion \(arguments);__restic-gitfs_complete_directories)")
    default:
      return script
    }
  }
}
