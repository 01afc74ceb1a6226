/// Listing.
extension SFTPBackend {
  /// How many folders are read at a time: the server's answers for all of them are in memory at once.
  private static let openFolders = 16
  /// How many requests for names are sent at a time: first and at most.
  private static let questions = 2...8

  /// Reads up to 16 folders at a time. Files whose size the server does not send with the names are asked for one by
  /// one.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    let call = try await begin()
    guard type != .config else { return try await listConfig(in: call) }
    let listing = SFTPListing(type: type, paths: paths, byteLimit: type.listByteLimit)
    try await forEachConcurrently(paths.folders(of: type), limit: Self.openFolders) { folder throws(BackendError) in
      try await read(folder, into: listing, in: call)
    }
    let (entries, unclear, hasFolder) = listing.result
    guard hasFolder else {
      guard try await rootIsThere(in: call) else { throw missing }
      return []
    }
    var all = entries
    for file in unclear {
      do throws(BackendError) {
        all.append(BackendEntry(file: file, byteCount: try await status(of: file, in: call)))
      } catch .notFound, .irregular {
        continue  // Removed since the listing, or not a file of the repository.
      }
    }
    for entry in all { memory.note(entry.file, size: entry.byteCount) }
    return all
  }

  private func listConfig(in call: SFTPCall) async throws(BackendError) -> [BackendEntry] {
    do throws(BackendError) {
      return [BackendEntry(file: .config, byteCount: try await status(of: .config, in: call))]
    } catch .notFound, .irregular {
      return []
    }
  }

  /// Two rounds for a folder of up to a hundred files. A missing folder is empty.
  private func read(
    _ folder: String, into listing: SFTPListing, in call: SFTPCall
  ) async throws(BackendError) {
    let opened = try await reply(to: .openFolder(folder), in: call)
    guard let handle = opened.handle else {
      if opened.status.code == .noSuchFile { return }
      throw try await failure(opened.status, "list \(folder)", nil, in: call)
    }
    defer { call.post([.close(handle)]) }
    listing.noteFolder()
    var count = Self.questions.lowerBound
    while true {
      let questions = [SFTPExchange.Step](repeating: .request(.readFolder(handle)), count: count)
      for reply in try await replies(to: questions, in: call) {
        switch reply {
        case .names(let names):
          guard listing.add(names, in: folder) else {
            throw .denied("\(host): the list of \(folder) is too long")
          }
        case .status(let status) where status.code == .endOfFile: return
        case .status(let status): throw try await failure(status, "list \(folder)", nil, in: call)
        default: throw unexpected("list \(folder)")
        }
      }
      count = min(2 * count, Self.questions.upperBound)
    }
  }
}

/// The files of one type while folders are read. A leaf lock.
private final class SFTPListing: Sendable {
  private struct State {
    var entries: [BackendEntry] = []
    var unclear: [BackendFile] = []
    var byteCount = 0
    var hasFolder = false
  }

  /// The memory of a name, in addition to its bytes.
  private static let nameCost = 40

  private let type: BackendFileType
  private let paths: SFTPPaths
  private let byteLimit: Int
  private let state = Locked(State())

  init(type: BackendFileType, paths: SFTPPaths, byteLimit: Int) {
    self.type = type
    self.paths = paths
    self.byteLimit = byteLimit
  }

  /// The files, those for which the server did not send all attributes, and whether there was any folder.
  var result: (entries: [BackendEntry], unclear: [BackendFile], hasFolder: Bool) {
    state.withLock { ($0.entries, $0.unclear, $0.hasFolder) }
  }

  /// Remembers that there was a folder.
  func noteFolder() { state.withLock { $0.hasFolder = true } }

  /// Adds those of `names` that are files of the repository; returns false if there are too many. Skips names that are
  /// not ids, files outside the folder that their name belongs to, and everything that is not a plain file.
  func add(_ names: [SFTPName], in folder: String) -> Bool {
    state.withLock { state in
      for name in names {
        state.byteCount += name.bytes.count + Self.nameCost
        guard let id = ID<Never>(hexDigits: name.bytes), let file = BackendFile(type: type, name: id.hex),
          paths.folder(of: file).hasBytes(of: folder), name.attributes.irregularKind == nil
        else { continue }
        if name.attributes.mode != nil, let byteCount = name.attributes.byteCount.flatMap(Int.init(exactly:)) {
          state.entries.append(BackendEntry(file: file, byteCount: byteCount))
        } else {
          state.unclear.append(file)
        }
      }
      // An empty answer takes memory too.
      state.byteCount += Self.nameCost
      return state.byteCount <= byteLimit
    }
  }
}
