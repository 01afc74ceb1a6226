import ResticCore

/// Tells moves of branches that went forward from forced ones, as git does in `fetch`: asks git about the commits, on a mount of
/// the newest snapshot, which is made when the first move needs it. Belongs to one task.
///
/// An answer is never a guess. Where the newest snapshot does not hold the commits any more, or git cannot be asked, there is none.
final class RefAncestry {
  /// How a move is to be told.
  enum Answer: Hashable, Sendable {
    case forward
    case forced
    /// The value is no object before or after: there is no forward.
    case none
    case unknown
  }

  /// Makes git for the newest state of the repository in a folder.
  private let start: ([Name]) async throws -> RepositoryGit
  private var repositories: [[Name]: Result<RepositoryGit, any Error>] = [:]
  private var known: [[String]: Answer] = [:]
  /// How many moves nobody could tell.
  private var unknownCount = 0
  /// Why git could not be asked, if it could not.
  private var obstacle: String?

  /// What a person should know: that not all moves could be told, and why.
  var warning: String? {
    guard unknownCount > 0 else { return nil }
    let moves = unknownCount == 1 ? "1 move was" : "\(unknownCount) moves were"
    return
      "whether \(moves) forced is not known: \(obstacle ?? "the newest snapshot does not hold all of their commits")"
  }

  /// Asks the git that `start` makes for a repository's folder.
  init(_ start: @escaping ([Name]) async throws -> RepositoryGit) {
    self.start = start
  }

  /// What `move` is. Throws `CommandError.silent` where the command is to end.
  func answer(for move: RefMove) async throws -> Answer {
    guard case (.object(let old)?, .object(let new)?) = (move.old, move.new) else { return .none }
    // git refuses to move a tag in any direction, unless it is forced.
    if move.name.bytes.starts(with: "refs/tags/".utf8) { return .forced }
    let ids = [old, new].map { String(decoding: $0, as: UTF8.self) }
    let answer: Answer
    if let known = known[ids] { answer = known } else { answer = try await ask(ids, move.repository) }
    known[ids] = answer
    if answer == .unknown { unknownCount += 1 }
    return answer
  }

  private func ask(_ ids: [String], _ folder: [Name]) async throws -> Answer {
    let git: RepositoryGit
    do {
      git = try await repository(in: folder)
    } catch let error as CommandError where error.message == nil {
      throw error
    } catch {
      obstacle = obstacle ?? "\(error)"
      return .unknown
    }
    switch try await git.isAncestor(ids[0], of: ids[1]) {
    case true?: return .forward
    case false?: return .forced
    case nil: return .unknown
    }
  }

  private func repository(in folder: [Name]) async throws -> RepositoryGit {
    if let known = repositories[folder] { return try known.get() }
    let result: Result<RepositoryGit, any Error>
    do {
      result = .success(try await start(folder))
    } catch {
      result = .failure(error)
    }
    repositories[folder] = result
    return try result.get()
  }
}
