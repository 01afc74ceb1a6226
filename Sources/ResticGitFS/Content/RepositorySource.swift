import Logging
import ResticCore
import SystemPackage

/// Loads a tree's directories and extents from its repository.
struct RepositorySource: TreeSource {
  /// The repository.
  let repository: Repository
  /// Logs failures.
  let logger: Logger

  func tree(
    _ id: BlobID?, of inode: InodeNumber, for operation: StaticString
  ) throws(TreeSourceError) -> Tree {
    try wait(for: operation, of: inode) { [repository] in
      guard let id else { throw RepositoryError.damaged("a directory has no tree") }
      let tree = try await repository.loadTree(id)
      repository.prepareTrees(below: tree)
      return tree
    }
  }

  func extents(
    of node: Node, _ inode: InodeNumber, for operation: StaticString
  ) throws(TreeSourceError) -> ExtentMap {
    // Usually there is nothing to wait for, and waiting for another thread takes longer than a lookup.
    if let listed = try? repository.listedExtents(of: node) { return listed }
    return try wait(for: operation, of: inode) { [repository] in try await repository.extents(of: node) }
  }

  private func wait<Success: Sendable>(
    for operation: StaticString, of inode: InodeNumber, _ body: @escaping @Sendable () async throws -> Success
  ) throws(TreeSourceError) -> Success {
    var isDamage = false
    do throws(Errno) {
      return try logger.waiting(for: operation, of: inode, body) { error in
        isDamage = (error as? RepositoryError)?.isDamage ?? false
      }
    } catch {
      throw TreeSourceError(errno: error, isDamage: isDamage)
    }
  }
}

extension RepositoryError {
  /// Whether the stored data is damaged, so that another try is of no use.
  fileprivate var isDamage: Bool {
    switch self {
    case .damaged, .missingBlob, .tooLarge: true
    case .noRepository, .otherRepository, .alreadyInitialized, .wrongPassword, .locked, .lockLost, .unsupportedVersion,
      .noSnapshot, .unstorableTime, .cancelled, .backend:
      false
    }
  }
}
