import NamedRepositories
import SystemPackage

/// The mountpoint that a person names to `sync`, `status` and `umount`: a path, or a repository's name.
enum MountpointArgument {
  /// `text`, or the mountpoint that the configuration file has for the repository `text`. A mount at the path `text` counts
  /// first: nobody has to know the file to unmount what they see.
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
