import ResticCore

/// A ref as it was in a snapshot: `REF@SNAPSHOT`.
struct RefAtSnapshot: Hashable, Sendable {
  /// The ref as the user wrote it.
  let ref: String
  /// The beginning of the snapshot's id.
  let snapshot: String

  /// Parses a text like `main@1a2b3c4d`. The ref's name may contain an @.
  init(_ text: String) throws(CommandError) {
    guard let at = text.lastIndex(of: "@"), at > text.startIndex, text.index(after: at) < text.endIndex else {
      throw CommandError("--restore takes a ref and a snapshot, as main@1a2b3c4d; `restic-gitfs log` shows both")
    }
    (ref, snapshot) = (String(text[..<at]), String(text[text.index(after: at)...]))
  }

  /// What the snapshot holds for the ref.
  struct Found: Sendable {
    let saved: SavedSnapshot
    /// The git repository's folder in the tree.
    let folder: [Name]
    /// The full name of the ref that holds the value, after symbolic refs are resolved.
    let name: RefName
    /// The object's id.
    let id: String
  }

  /// How many symbolic refs are followed, as in git.
  private static let symbolicLimit = 5

  /// Looks the ref up in `repository`, whose index is loaded: in the git repository at `folder`, or in the only one.
  func find(in repository: Repository, at folder: [Name]?) async throws -> Found {
    let saved = try await repository.snapshot(withPrefix: snapshot)
    let folders = SnapshotFolders(repository: repository, saved: saved)
    let folder = try await Self.folder(folder, of: folders)
    let root = try await Self.tree(of: folder, folders, repository)
    let comparison = RefComparison(repository)
    for name in RefName.candidates(for: ref) {
      var name = name
      for _ in 0...Self.symbolicLimit {
        switch try await comparison.value(of: name, in: root) {
        case .object(let id):
          return Found(saved: saved, folder: folder, name: name, id: String(decoding: id, as: UTF8.self))
        case .symbolic(let target):
          name = target
          continue
        case .opaque, nil: break
        }
        break
      }
    }
    guard try await !comparison.hasTables(in: root) else {
      throw CommandError(
        "snapshot \(saved.id.short) keeps its refs in reftables, which this command does not read: mount it with --snapshot"
      )
    }
    throw CommandError("snapshot \(saved.id.short) has no ref \(ref); `restic-gitfs log` shows which refs were where")
  }

  private static func folder(_ folder: [Name]?, of folders: SnapshotFolders) async throws -> [Name] {
    if let folder { return folder }
    let found = try await folders.repositories()
    guard found.count <= 1 else {
      let names = found.prefix(3).map { $0.map(\.description).joined(separator: "/") }
      throw CommandError(
        "the snapshot holds \(found.count) git repositories: name one with --subfolder (\(names.joined(separator: ", ")))"
      )
    }
    guard let only = found.first else { throw CommandError("the snapshot holds no git repository") }
    return only
  }

  /// The tree of `folder`.
  private static func tree(
    of folder: [Name], _ folders: SnapshotFolders, _ repository: Repository
  ) async throws -> BlobID {
    guard let last = folder.last else { return folders.saved.snapshot.tree }
    let nodes = try await folders.tree(at: folder.dropLast()).nodes
    guard let id = nodes.first(where: { $0.name == last && $0.type == .dir })?.subtree else {
      throw CommandError("the snapshot has no folder \(folder.map(\.description).joined(separator: "/"))")
    }
    return id
  }
}
