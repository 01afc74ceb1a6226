import Platform
import ResticCore
import SystemPackage

/// Asks git which commits of one repository are ancestors of others. All questions go to one process, except those that
/// lead so far back that git's own walk is faster.
///
/// `@unchecked`: every `var` is used on the executor's only thread.
final class CommitAncestry: @unchecked Sendable {
  private let git: RepositoryGit
  private let executor = BlockingExecutor(threadCount: 1)
  private var reader: CommitReader?
  private var walk: CommitWalk?

  /// Starts no process yet.
  init(_ git: RepositoryGit) {
    self.git = git
  }

  /// Whether the commit that `old` leads to is an ancestor of the commit that `new` leads to, or the same commit; nil
  /// if the repository lacks a commit that would tell.
  func isAncestor(_ old: String, of new: String) async throws -> Bool? {
    let answer: CommitWalk.Answer
    do throws(Errno) {
      answer = try await executor.run { [self] () throws(Errno) in try ask(old, new) }
    } catch {
      throw CommandError("git cannot be run: \(error)")
    }
    switch answer {
    case .ancestor: return true
    case .noAncestor: return false
    case .unknown: return nil
    case .tooFar: return try await git.isAncestor(old, of: new)
    }
  }

  /// Ends the process. Questions that come later start another one.
  func end() async {
    await executor.run { [self] in endReader() }
  }

  private func ask(_ old: String, _ new: String) throws(Errno) -> CommitWalk.Answer {
    // git ends at an object that it cannot read.
    if reader?.isOver == true { endReader() }
    if var walk {
      // The commits are in one value only while it is changed.
      self.walk = nil
      defer { self.walk = walk }
      return walk.isAncestor(old, of: new)
    }
    let reader = try git.startReader()
    self.reader = reader
    walk = CommitWalk { reader.commit($0) }
    return try ask(old, new)
  }

  private func endReader() {
    reader?.end()
    (reader, walk) = (nil, nil)
  }
}
