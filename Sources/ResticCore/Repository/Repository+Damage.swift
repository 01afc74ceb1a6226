internal import Logging

/// The record of one damaged file.
struct KnownDamage: Sendable {
  let damage: DamagedFile
  /// Whether a warning has been logged.
  var isTold = false
}

/// Records of damaged files, so that they are not read repeatedly, and each is warned of once.
extension Repository {
  /// The damage found earlier in a listed file, if the file still has the same size.
  func knownDamage(of entry: BackendEntry) -> DamagedFile? {
    damagedFiles.withLock { $0[entry.file]?.damage }.flatMap { $0.byteCount == entry.byteCount ? $0 : nil }
  }

  /// Remembers `damage`.
  func note(_ damage: DamagedFile) {
    damagedFiles.withLock { files in
      if files[damage.file]?.damage != damage { files[damage.file] = KnownDamage(damage: damage) }
    }
  }

  /// Logs a warning about `damage`, which was noted before, unless there was one already.
  func warn(of damage: DamagedFile) {
    let isNews = damagedFiles.withLock { files in
      defer { files[damage.file]?.isTold = true }
      return files[damage.file]?.isTold == false
    }
    if isNews { settings.logger.warning("\(damage.message)") }
  }

  /// Forgets the damage of a file that has been read successfully.
  func forgetDamage(of file: BackendFile) {
    damagedFiles.withLock { $0[file] = nil }
  }

  /// Forgets the damage of files of `type` that are not in `entries`, the current list.
  func forgetDamage(of type: BackendFileType, except entries: [BackendEntry]) {
    guard damagedFiles.withLock({ !$0.isEmpty }) else { return }
    let listed = Set(entries.map(\.file))
    damagedFiles.withLock { damaged in damaged = damaged.filter { $0.key.type != type || listed.contains($0.key) } }
  }

  /// The damage of a listed file that its size alone proves; nil if the type can have that size.
  func damageOfSize(_ entry: BackendEntry) -> DamagedFile? {
    let (file, byteCount) = (entry.file, entry.byteCount)
    let message: String
    if byteCount > file.type.byteLimit {
      message = "\(RepositoryError.damaged(tooLarge: file, byteCount: byteCount))"
    } else if byteCount == 0 {
      message = "\(file) is damaged: it is empty"
    } else if byteCount < MasterKey.overhead {
      message = "\(file) is damaged: it has \(byteCount) bytes, too few for anything"
    } else {
      return nil
    }
    return DamagedFile(file: file, byteCount: byteCount, message: message, mayHaveBeenSound: false)
  }

  /// Every file of `type` and its size; of those that were noted (`noteSizes`), the size at that time.
  func listEntries(_ type: BackendFileType) async throws(RepositoryError) -> [BackendEntry] {
    do throws(BackendError) {
      return try await backend.list(type, knowing: knownSizes.withLock { $0[type] ?? [:] })
    } catch {
      throw .backend(error)
    }
  }

  /// Files of `type` that are listed in `entries` and not `damaged` are known now, and are not read again: their sizes need not be asked
  /// for any more.
  func noteSizes(of type: BackendFileType, _ entries: [BackendEntry], damaged: [DamagedFile]) {
    let damaged = Set(damaged.map(\.file))
    knownSizes.withLock { known in
      var sizes = known[type] ?? [:]
      // What is gone is let go of in time.
      if sizes.count > 2 * entries.count { sizes = [:] }
      for entry in entries where sizes[entry.file.name] == nil && !damaged.contains(entry.file) {
        sizes[entry.file.name] = entry.byteCount
      }
      for file in damaged { sizes[file.name] = nil }
      known[type] = sizes
    }
  }
}
