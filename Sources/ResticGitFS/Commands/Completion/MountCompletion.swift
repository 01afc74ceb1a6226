import ArgumentParser
import Glibc
import SystemPackage

/// Completes mountpoints in a shell: the mounts of this user.
enum MountCompletion {
  /// For an argument of a command that needs a mount.
  static var kind: CompletionKind {
    .custom { _, _, prefix in
      // Without a table there is nothing to offer.
      let mounts = (try? MountTable.load())?.mounts(ownedBy: getuid()).map(\.mountpoint.string) ?? []
      return offers(
        mounts, for: prefix, home: getenv("HOME").map { String(cString: $0) },
        workingFolder: getcwd(nil, 0).map { buffer in
          defer { free(buffer) }
          return String(cString: buffer)
        })
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
