import MessageText
import NamedRepositories
import ResticCore
import SystemPackage

/// A word of a command line in the place of a mount or a repository. This type alone decides how all commands read such
/// a word:
///
/// 1. A path at which a repository is mounted is the mount: nobody has to know the configuration file to unmount a
///    visible mount.
/// 2. A name of the configuration file is the repository of that name, or its mount.
/// 3. Any other word is neither. The error names the word.
///
/// `mount` alone reads its words in another way, because they name a folder that is not mounted yet (`MountPlaces`).
enum RepositoryWord: Sendable {
  case mount(MountedDirectory)
  case named(NamedRepository)
  case neither(String)

  /// Reads `text`.
  init(_ text: String, in table: MountTable, _ environment: Environment) throws(CommandError) {
    if let mount = MountedDirectory.mount(at: text, in: table) {
      self = .mount(mount)
    } else if let entry = try environment.namedRepository(text) {
      self = .named(entry)
    } else {
      self = .neither(text)
    }
  }

  /// The mount. Throws if nothing is mounted there.
  func mount(in table: MountTable) throws(CommandError) -> MountedDirectory {
    switch self {
    case .mount(let mount):
      return mount
    case .named(let entry):
      let mountpoint = try entry.requiredMountpoint
      guard let mount = MountedDirectory.mount(at: mountpoint, in: table) else {
        throw CommandError(
          "\(mountpoint), the mountpoint of '\(entry.name)', is not a restic-gitfs mount; `restic-gitfs status` lists yours"
        )
      }
      return mount
    case .neither(let text):
      throw CommandError(
        "\(text) is not a restic-gitfs mount\(Self.unknownName(text)); `restic-gitfs status` lists yours")
    }
  }

  /// The mount; nil if nothing is mounted there.
  func presentMount(in table: MountTable) -> MountedDirectory? {
    switch self {
    case .mount(let mount): mount
    case .named(let entry): entry[.mountpoint].flatMap { MountedDirectory.mount(at: $0, in: table) }
    case .neither: nil
    }
  }

  /// The path of the mount, which need not answer, for a caller that looks for the mount in its own way.
  var mountpoint: String {
    get throws(CommandError) {
      switch self {
      case .mount(let mount): mount.path.string
      case .named(let entry): try entry.requiredMountpoint
      case .neither(let text): text
      }
    }
  }

  /// Throws that `text` is neither a mount nor a name, and says how to name a location.
  static func refusal(of text: String, command: String) -> CommandError {
    CommandError(
      "'\(text)' is neither a mount nor a repository of the configuration file; if it is a location, write -r before it: restic-gitfs \(command) -r \(ShellWord(text))"
    )
  }

  /// Words that follow `text` in a message: that the configuration file does not name it, if the file could.
  static func unknownName(_ text: String) -> String {
    NamedRepositories.isName(text) ? ", and no configuration file names a repository '\(text)'" : ""
  }
}

extension NamedRepository {
  /// The mountpoint. Throws if the file has none for the repository.
  fileprivate var requiredMountpoint: String {
    get throws(CommandError) {
      guard let mountpoint = self[.mountpoint] else {
        throw CommandError(
          "\(file) has no mountpoint for '\(name)': name the folder, or add mountpoint = \"…\" to the file")
      }
      return mountpoint
    }
  }
}
