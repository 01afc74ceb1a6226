import NamedRepositories
import ProgramVersion
import SystemPackage

/// What the doctor examines on this machine. Tests make their own facts.
struct MachineFacts: Sendable {
  /// A program that is needed.
  enum Program: Hashable, Sendable {
    /// It is not on PATH.
    case missing
    /// The program exists, but does not tell its version, or not in time.
    case silent(FilePath)
    /// The program exists: its path and its version.
    case version(FilePath, String)
  }

  /// A folder for files of this program.
  enum Folder: Hashable, Sendable {
    /// No location is known for the folder.
    case missing
    /// The folder can be written or created.
    case writable(FilePath)
    /// The folder cannot be written or created.
    case refused(FilePath, Errno)
  }

  /// The facts about mounting.
  var mounting = MountingFacts()
  var git = Program.missing
  var helper = Program.missing
  /// The version of this program.
  var version = Version.current
  /// The credential helpers in git's configuration.
  var credentialHelpers: [String] = []
  /// The credential helpers whose program is not installed.
  var missingHelpers: [String] = []
  /// The folder for session files.
  var state = Folder.missing
  /// The folder for caches.
  var cache = Folder.missing
  /// The configuration files and the names in them, or the error in them.
  var configuration: Result<NamedRepositories, ConfigurationError> = .success(NamedRepositories())
  /// Why the mount table cannot be read; nil if it can be read.
  var mountTableError: String?
  /// Mountpoints whose process does not answer.
  var silentMounts: [FilePath] = []
  /// Mountpoints whose process is gone.
  var deadMounts: [FilePath] = []
  /// The number of this user's mounts that are served.
  var mountCount = 0
  /// Session files whose process is gone.
  var leftovers: [FilePath] = []
  /// Why session files cannot be read; nil if they can be read.
  var sessionError: Errno?
}
