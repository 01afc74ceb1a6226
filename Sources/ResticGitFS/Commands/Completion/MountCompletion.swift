import ArgumentParser
import Glibc
import NamedRepositories
import SystemPackage

/// Completes mountpoints in a shell: the mounts of this user.
enum MountCompletion {
  /// For an argument of a command that needs a mount: also the names of repositories that are mounted where the configuration
  /// file says (`RepositoryWord`).
  static var kind: CompletionKind {
    .custom { _, _, prefix in words(for: prefix) { names(of: RepositoryCompletion.named, at: $0, for: prefix) } }
  }

  /// For an argument of a command that works on a repository: mounts, and all names.
  static var withNames: CompletionKind {
    .custom { _, _, prefix in words(for: prefix) { _ in RepositoryCompletion.names(for: prefix) } }
  }

  /// The mounts whose path begins with `prefix`, after the names that `names` returns for all mounts.
  private static func words(for prefix: String, names: ([String]) -> [String]) -> [String] {
    // Without a table there is nothing to offer.
    let mounts = (try? MountTable.load())?.mounts(ownedBy: getuid()).map(\.mountpoint.string) ?? []
    let folder = getcwd(nil, 0).map { buffer in
      defer { free(buffer) }
      return String(cString: buffer)
    }
    let places = offers(
      mounts, for: prefix, home: getenv("HOME").map { String(cString: $0) }, workingFolder: folder)
    return (names(mounts) + places).compactMap { OfferedWord.text($0) }
  }

  /// The names that begin with `prefix` of repositories whose own mountpoint is one of `mounts`.
  static func names(of named: NamedRepositories, at mounts: [String], for prefix: String) -> [String] {
    named.names.filter { name in
      name.hasPrefix(prefix) && named[name]?[.mountpoint].map { mounts.contains($0) } == true
    }
  }

  /// The absolute paths among `mounts` that begin with `prefix`, spelled like it: relative to the home folder, relative
  /// to the working folder, or absolute.
  static func offers(_ mounts: [String], for prefix: String, home: String?, workingFolder: String?) -> [String] {
    let spelled = mounts.flatMap { mount in
      if prefix.hasPrefix("/") || prefix.isEmpty { return [mount] }
      if prefix.hasPrefix("~") { return [spelling(mount, below: home, as: "~/")].compactMap(\.self) }
      return [spelling(mount, below: workingFolder, as: prefix.hasPrefix("./") ? "./" : "")].compactMap(\.self)
    }
    return spelled.filter { $0.hasPrefix(prefix) }.sorted()
  }

  private static func spelling(_ mount: String, below folder: String?, as start: String) -> String? {
    guard let folder, folder != "/", mount.hasPrefix(folder + "/") else { return nil }
    return start + mount.dropFirst(folder.count + 1)
  }
}
