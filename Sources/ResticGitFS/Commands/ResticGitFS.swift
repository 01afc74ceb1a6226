import ArgumentParser

/// The program `restic-gitfs`.
@main
struct ResticGitFS: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "restic-gitfs")
}
