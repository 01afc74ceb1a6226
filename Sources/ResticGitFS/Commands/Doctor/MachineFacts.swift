import NamedRepositories
import ProgramVersion
import SystemPackage

/// What the doctor looks at on this machine. Tests make their own.
struct MachineFacts: Sendable {
  /// A program that is needed.
  enum Program: Hashable, Sendable {
    /// It is not on PATH.
    case missing
    /// It is there, and does not say its version in time, or at all.
    case silent(FilePath)
    /// It is there.
    case version(FilePath, String)
  }

  /// A folder that files are put in.
  enum Folder: Hashable, Sendable {
    /// There is no place for one.
    case missing
    /// It can be written, or made.
    case writable(FilePath)
    /// It cannot be.
    case refused(FilePath, Errno)
  }

  /// What mounts need.
  var mounting = MountingFacts()
  /// git.
  var git = Program.missing
  /// git-remote-restic.
  var helper = Program.missing
  /// The version of this program.
  var version = Version.current
  /// git's credential helpers, as git's configuration names them.
  var credentialHelpers: [String] = []
  /// Those whose program is not installed.
  var missingHelpers: [String] = []
  /// Where sessions are noted.
  var state = Folder.missing
  /// Where caches are kept.
  var cache = Folder.missing
  /// The configuration files and the names in them, or what is wrong with them.
  var configuration: Result<NamedRepositories, ConfigurationError> = .success(NamedRepositories())
  /// Why the mount table cannot be read; nil if it can.
  var mountTableError: String?
  /// Mountpoints that do not answer.
  var silentMounts: [FilePath] = []
  /// Mountpoints whose process is gone.
  var deadMounts: [FilePath] = []
  /// Mounts of this user that are served.
  var mountCount = 0
  /// Session files whose process is gone.
  var leftovers: [FilePath] = []
  /// Why session files cannot be read; nil if they can.
  var sessionError: Errno?
}
