import Glibc
import Platform
import ResticCore
import SystemPackage

/// The folder that git uses as the repository (`GIT_DIR`) while it maintains a stored one: links to the stored
/// repository's files, a newly written configuration and `HEAD`, and no hooks.
///
/// So git neither runs nor reads anything that a stored configuration names, whatever the version of git: variables
/// that are not on the list of `SafeVariable` do not exist for it. git knows this layout from its `git-new-workdir`,
/// which makes links as well. Other users cannot access the folder. It lies in memory if the system has a place for
/// that, and the only stored data in it are the configuration values that git is shown.
struct HousekeepingFolder: Sendable {
  private static let prefix = "restic-gitfs-git-"
  /// What git sees of the stored repository. git writes `packed-refs` through its link even if the file does not exist
  /// yet.
  private static let always: [Name] = ["objects", "refs", "packed-refs"]
  private static let ifThere: Set<Name> = ["logs", "info", "shallow"]

  var path: FilePath { folder.path }

  private let folder: PassingFolder

  /// Creates a folder for the repository at `repository`, which has the entries `names`.
  static func make(
    for repository: FilePath, names: Set<Name>, head: [UInt8], configuration: [UInt8],
    in bases: [FilePath] = PassingFolder.bases()
  ) throws(HousekeepingProcess.Failure) -> HousekeepingFolder {
    do throws(Errno) {
      let folder = try PassingFolder.make(prefix, in: bases) { path throws(Errno) in
        for name in always + ifThere.intersection(names).sorted() {
          let result = repository.appending(name).withPlatformString { target in
            path.appending(name).withPlatformString { symlink(target, $0) }
          }
          guard result == 0 else { throw Errno(rawValue: errno) }
        }
        try write(Self.head(head), to: path.appending("HEAD"))
        try write(configuration, to: path.appending("config"))
      }
      return HousekeepingFolder(folder: folder)
    } catch {
      let places = bases.map(\.string).joined(separator: ", ")
      throw HousekeepingProcess.Failure(
        message: "no folder for git can be made in \(places): \(error)", isStopped: false)
    }
  }

  /// Removes the folder, including folders that git has created in it.
  func remove() {
    folder.remove()
  }

  /// Removes the folders of processes that were killed.
  static func removeLeftovers() {
    for path in PassingFolder.leftovers(prefix) {
      var attributes = stat()
      guard lstat(path.string, &attributes) == 0, attributes.st_uid == geteuid() else { continue }
      PassingFolder.remove(path)
    }
  }

  /// A `HEAD` with as much as housekeeping needs: a detached one keeps its commit; the name of a branch does not
  /// matter. git ends the commit's name at any white space.
  private static func head(_ stored: [UInt8]) -> [UInt8] {
    let line = stored.prefix { ![0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x20].contains($0) }
    let isHex = (line.count == 40 || line.count == 64) && line.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    return isHex ? Array(line) + [UInt8(ascii: "\n")] : Array("ref: refs/heads/main\n".utf8)
  }

  private static func write(_ bytes: [UInt8], to path: FilePath) throws(Errno) {
    try Errno.only {
      let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: .ownerReadWrite)
      defer { file.closeQuietly() }
      try file.writeAll(bytes)
    }
  }
}
