/// The program's exit codes: restic's codes, so that scripts can treat both programs alike.
enum ExitCode: Int32, Sendable, CaseIterable {
  /// Done.
  case success = 0
  /// Failed, or called with wrong arguments; the message says why.
  case failure = 1
  /// Saved, but others had changed the same refs or files: a person has to look at the versions that were kept.
  case partial = 3
  /// There is no repository, or another one is in the place of the one that was opened.
  case noRepository = 10
  /// Another client's lock conflicted until the time was over.
  case locked = 11
  /// The password is wrong.
  case wrongPassword = 12
  /// Ctrl-C or another signal ended the program.
  case interrupted = 130
}
