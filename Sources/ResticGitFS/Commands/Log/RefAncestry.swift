import ResticCore

/// Tells moves that went forward from forced ones, as git does in `fetch`: asks git about the commits, on a mount of
/// the newest snapshot. The mount is made when the first move needs it. Belongs to one task.
///
/// An answer is never a guess. If the newest snapshot no longer holds the commits, or git cannot be asked, the answer
/// is unknown.
final class RefAncestry {
  /// The kind of a move.
  enum Answer: Hashable, Sendable {
    case forward
    case forced
    /// The old or the new value is not an object, so the move has no direction.
    case none
    case unknown
  }

  /// Creates git for the newest state of the repository in a folder.
  private let start: ([Name]) async throws -> RepositoryGit
  private var repositories: [[Name]: Result<CommitAncestry, any Error>] = [:]
  private var known: [[String]: Answer] = [:]
  /// The number of moves whose kind is unknown.
  private var unknownCount = 0
  /// Why git could not be asked; nil if it could.
  private var obstacle: String?

  /// Tells the user that the kind of some moves is unknown, and why; nil if all are known.
  var warning: String? {
    guard unknownCount > 0 else { return nil }
    let moves = unknownCount == 1 ? "1 move was" : "\(unknownCount) moves were"
    return
      "whether \(moves) forced is not known: \(obstacle ?? "the newest snapshot does not hold all of their commits")"
  }

  /// Asks the git that `start` creates for a repository's folder.
  init(_ start: @escaping ([Name]) async throws -> RepositoryGit) {
    self.start = start
  }

  /// The kind of `move`. Throws `CommandError.silent` if the command is to end.
  func answer(for move: RefMove) async throws -> Answer {
    guard case (.object(let old)?, .object(let new)?) = (move.old, move.new) else { return .none }
    // git refuses to move a tag in any direction, unless the move is forced.
    if move.name.bytes.starts(with: "refs/tags/".utf8) { return .forced }
    let ids = [old, new].map { String(decoding: $0, as: UTF8.self) }
    let answer: Answer
    if let known = known[ids] { answer = known } else { answer = try await ask(ids, move.repository) }
    known[ids] = answer
    if answer == .unknown { unknownCount += 1 }
    return answer
  }

  /// Ends the processes that were asked.
  func end() async {
    for case .success(let ancestry) in repositories.values { await ancestry.end() }
  }

  private func ask(_ ids: [String], _ folder: [Name]) async throws -> Answer {
    do {
      switch try await repository(in: folder).isAncestor(ids[0], of: ids[1]) {
      case true?: return .forward
      case false?: return .forced
      case nil: return .unknown
      }
    } catch let error as CommandError where error.message == nil {
      throw error
    } catch {
      obstacle = obstacle ?? "\(error)"
      return .unknown
    }
  }

  private func repository(in folder: [Name]) async throws -> CommitAncestry {
    if let known = repositories[folder] { return try known.get() }
    let result: Result<CommitAncestry, any Error>
    do {
      result = .success(CommitAncestry(try await start(folder)))
    } catch {
      result = .failure(error)
    }
    repositories[folder] = result
    return try result.get()
  }
}
