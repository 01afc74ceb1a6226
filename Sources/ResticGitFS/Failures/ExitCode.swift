/// The program's exit codes: restic's, so that scripts need not tell the two apart.
enum ExitCode: Int32, Sendable, CaseIterable {
  /// Done.
  case success = 0
  /// Failed, or was called wrongly; the message says why.
  case failure = 1
  /// Saved, but others had changed the same meanwhile: somebody has to look at what is kept beside theirs.
  case partial = 3
  /// There is no repository, or another one is in the place of the one that was opened.
  case noRepository = 10
  /// A lock of another client stood in the way until the time was over.
  case locked = 11
  /// The password is wrong: it opens no key.
  case wrongPassword = 12
  /// Ctrl-C or another signal ended the program.
  case interrupted = 130
}
