import NamedRepositories
import SystemPackage

/// The mountpoint that a person names for `sync`, `status` and `umount`: a path, or a repository's name.
enum MountpointArgument {
  /// `text`, or the mountpoint of the repository `text` in the configuration file. A mount at the path `text` comes
  /// first: nobody has to know the file to unmount a visible mount.
  static func path(_ text: String, in table: MountTable, _ environment: Environment) throws(CommandError) -> String {
    if let resolved = FilePath(text).resolved(), table.entry(at: resolved)?.isResticGitFS == true { return text }
    guard let entry = try environment.namedRepository(text) else { return text }
    guard let mountpoint = entry[.mountpoint] else {
      throw CommandError(
        "\(entry.file) has no mountpoint for '\(text)': name the folder, or add mountpoint = \"…\" to the file")
    }
    return mountpoint
  }
}
