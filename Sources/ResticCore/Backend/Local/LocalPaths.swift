import SystemPackage

/// Where restic's default layout keeps each file below the repository's folder.
///
///     config
///     data/00 … data/ff     packs, by the first two hex digits of their name
///     index  keys  locks  snapshots
///
/// Source: restic design document, "Repository Layout".
struct LocalPaths: Sendable {
  /// The repository's folder.
  let root: FilePath

  /// The 256 names of the folders below `data`.
  static let dataSubfolders: [String] = (0...UInt8.max).map { Hex.text($0) }

  /// Every folder of a repository below the root, parents first.
  var folders: [FilePath] {
    let types = BackendFileType.allCases.filter { $0 != .config }
    return types.map { root.appending($0.rawValue) } + dataFolders
  }

  /// The 256 folders that hold packs.
  var dataFolders: [FilePath] {
    let data = root.appending(BackendFileType.data.rawValue)
    return Self.dataSubfolders.map { data.appending($0) }
  }

  /// The folders that hold the files of `type`.
  func folders(of type: BackendFileType) -> [FilePath] {
    switch type {
    case .config: [root]
    case .data: dataFolders
    case .index, .key, .lock, .snapshot: [root.appending(type.rawValue)]
    }
  }

  /// The folder that holds `file`.
  func folder(of file: BackendFile) -> FilePath {
    switch file.type {
    case .config: root
    case .data: root.appending(file.type.rawValue).appending(String(file.name.prefix(2)))
    case .index, .key, .lock, .snapshot: root.appending(file.type.rawValue)
    }
  }

  /// The last component of the path of `file`.
  func name(of file: BackendFile) -> String {
    file.type == .config ? "config" : file.name
  }

  func path(of file: BackendFile) -> FilePath {
    folder(of: file).appending(name(of: file))
  }

  /// A path beside `file` for a file that is being written, named as restic names its own: `<name>-tmp-<random>`.
  /// Neither this program nor restic lists such files.
  func temporaryPath(for file: BackendFile) -> FilePath {
    let random = String(UInt64.random(in: .min ... .max), radix: 16)
    return folder(of: file).appending("\(name(of: file))-tmp-\(random)")
  }
}
