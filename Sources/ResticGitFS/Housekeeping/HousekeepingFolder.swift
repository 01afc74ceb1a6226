import Glibc
import Platform
import ResticCore
import SystemPackage

/// The folder that git takes for the repository (`GIT_DIR`) while it puts a stored one in order: the stored repository's files
/// through links, but a configuration and a `HEAD` that are written anew, and no hooks.
///
/// So nothing that a stored configuration names is run or read, whatever version of git that is: what is not on the list of
/// `SafeVariable` does not exist for it. git knows this layout from its `git-new-workdir`, which makes links as well.
/// The folder is closed to others, lies in memory where the system has a place for that, and holds nothing of what is stored
/// but the values that are shown of the configuration.
struct HousekeepingFolder: Sendable {
  private static let prefix = "restic-gitfs-git-"
  /// What git finds in the stored repository. `packed-refs` is written through its link even where it is not there yet.
  private static let always: [Name] = ["objects", "refs", "packed-refs"]
  private static let ifThere: Set<Name> = ["logs", "info", "shallow"]

  /// Where it is.
  var path: FilePath { folder.path }

  private let folder: PassingFolder

  /// A new folder for the repository at `repository`, which has the entries `names`.
  static func make(
    for repository: String, names: Set<Name>, head: [UInt8], configuration: [UInt8],
    in bases: [FilePath] = PassingFolder.bases()
  ) throws(HousekeepingProcess.Failure) -> HousekeepingFolder {
    do throws(Errno) {
      let folder = try PassingFolder.make(prefix, in: bases) { path throws(Errno) in
        for name in always + ifThere.intersection(names).sorted() {
          let text = String(decoding: name.bytes, as: UTF8.self)
          guard symlink("\(repository)/\(text)", path.appending(text).string) == 0 else { throw Errno(rawValue: errno) }
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

  /// Takes it away. git may have left folders of its own.
  func remove() {
    folder.remove()
  }

  /// Takes away what processes have left behind that were killed.
  static func removeLeftovers() {
    for path in PassingFolder.leftovers(prefix) {
      var attributes = stat()
      guard lstat(path.string, &attributes) == 0, attributes.st_uid == geteuid() else { continue }
      PassingFolder.remove(path)
    }
  }

  /// A `HEAD` that holds as much as housekeeping needs: a detached one keeps its commit, the name of a branch does not matter.
  /// git takes any white space for the end of the commit's name.
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
