import Glibc
import Platform
import ResticCore
import SystemPackage

/// The session files of one repository: `$XDG_STATE_HOME/restic-gitfs/<repository id>/mounts/<random>.json`.
///
/// Folders are for their owner only (0700): a session file names mountpoints.
struct SessionDirectory: Sendable {
  /// The folder; it need not exist.
  let path: FilePath

  /// The sessions of the repository `repositoryID` (64 hex digits) below `stateHome`.
  init(stateHome: FilePath, repositoryID: String) {
    path = stateHome.appending("restic-gitfs").appending(repositoryID).appending("mounts")
  }

  /// The folders of all repositories below `stateHome` that have had sessions.
  static func all(stateHome: FilePath) throws(Errno) -> [SessionDirectory] {
    try names(in: stateHome.appending("restic-gitfs")).filter { ID<Never>(hex: $0) != nil }.map { name in
      SessionDirectory(stateHome: stateHome, repositoryID: name)
    }
  }

  /// A new session of this process, holding `record`.
  func create(_ record: SessionRecord) throws(Errno) -> SessionFile {
    try Self.makeFolders(path)
    let name = Hex.text(SecureRandom.bytes(8))
    return try SessionFile(path: path.appending("\(name).json"), record: record)
  }

  /// The sessions that are alive. Removes files that a dead process left.
  func sessions() throws(Errno) -> [SessionObserver] {
    var sessions: [SessionObserver] = []
    for name in try Self.names(in: path) where name.hasSuffix(".json") {
      do {
        let session = try SessionObserver(path: path.appending(name))
        if !session.removeIfStale() { sessions.append(session) }
      } catch Errno.noSuchFileOrDirectory {
        // The session ended after the listing.
      }
    }
    return sessions
  }

  /// The session files of processes that are gone. Removes nothing: the next mount does that.
  func leftovers() throws(Errno) -> [FilePath] {
    try Self.names(in: path).filter { $0.hasSuffix(".json") }.map { path.appending($0) }.filter { path in
      // One that is gone by now is no leftover.
      (try? SessionObserver(path: path))?.isOver ?? false
    }
  }

  /// The names in the folder `path`; empty if there is no such folder.
  private static func names(in path: FilePath) throws(Errno) -> [String] {
    do throws(Errno) {
      return try FolderNames.list(path).map(\.string)
    } catch {
      guard error == .noSuchFileOrDirectory else { throw error }
      return []
    }
  }

  private static func makeFolders(_ path: FilePath) throws(Errno) {
    guard path.withPlatformString({ access($0, F_OK) }) != 0, !path.components.isEmpty else { return }
    try makeFolders(path.removingLastComponent())
    guard path.withPlatformString({ mkdir($0, 0o700) }) != 0, errno != EEXIST else { return }
    throw Errno(rawValue: errno)
  }
}
