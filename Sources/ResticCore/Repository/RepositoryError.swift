/// Why a repository could not be opened, read or written. Some cases have an exit code of restic's.
public enum RepositoryError: Error, Sendable {
  /// There is no repository at the place (exit code 10).
  case noRepository(String)
  /// Another repository is in the place of the one that was opened (exit code 10).
  case otherRepository(String)
  /// A repository is there already; `init` never touches it.
  case alreadyInitialized(String)
  /// The password opens no key (exit code 12).
  case wrongPassword
  /// Another client's lock conflicts (exit code 11).
  case locked(String)
  /// This client's own lock could not be refreshed in time: nothing more may be written.
  case lockLost(String)
  /// A file or blob is truncated, changed or not decodable.
  case damaged(String)
  /// The config names a format version that this program does not know.
  case unsupportedVersion(Int)
  /// A blob that no index file lists, or whose `pack` is gone.
  case missingBlob(BlobID, pack: PackID? = nil)
  /// No snapshot, or more than one, matches the request.
  case noSnapshot(String)
  /// A time that would be read back as another time: the format ends with the year 9999.
  case unstorableTime(String)
  /// Larger than the format allows.
  case tooLarge(String)
  /// The task was cancelled while it waited (exit code 130).
  case cancelled
  /// The storage failed.
  case backend(BackendError)
}

extension RepositoryError {
  /// A file that is larger than its type allows.
  static func damaged(tooLarge file: BackendFile, byteCount: Int) -> RepositoryError {
    .damaged("\(file) is damaged: it has \(byteCount) bytes; the limit is \(file.type.byteLimit)")
  }

  /// A file whose name is not the hash of its content.
  static func damaged(misnamed file: BackendFile) -> RepositoryError {
    .damaged("\(file) is damaged: its content does not match its name")
  }
}

extension RepositoryError: CustomStringConvertible {
  /// The message for a person. A case that carries a message returns that message unchanged.
  public var description: String {
    switch self {
    case .noRepository(let place): "there is no restic repository at \(place)"
    case .otherRepository(let message): message
    case .alreadyInitialized(let place): "\(place) already holds a restic repository"
    case .wrongPassword: "wrong password or no key found"
    case .locked(let message): message
    case .lockLost(let message): message
    case .damaged(let message): message
    case .unsupportedVersion(let version): "repository format version \(version) is not supported"
    case .missingBlob(let id, nil): "blob \(id) is in no index file; `restic repair index` may find it"
    case .missingBlob(let id, let pack?): "pack \(pack), which holds blob \(id), is gone; run `restic check`"
    case .noSnapshot(let message): message
    case .unstorableTime(let message): message
    case .tooLarge(let message): message
    case .cancelled: "interrupted"
    case .backend(let error): "\(error)"
    }
  }
}
