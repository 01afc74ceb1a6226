/// The place of each file in restic's default layout on an SSH server (`LocalPaths` describes the folders).
struct SFTPPaths: Sendable {
  /// The repository's folder, cleaned.
  let root: String

  /// The folders directly in the root.
  var typeFolders: [String] { BackendFileType.allCases.filter { $0 != .config }.map { join(root, $0.rawValue) } }

  /// The 256 folders that hold packs.
  var dataFolders: [String] {
    let data = join(root, BackendFileType.data.rawValue)
    return LocalPaths.dataSubfolders.map { join(data, $0) }
  }

  /// The root and every folder above it that the path names, the highest first.
  var rootAndAbove: [String] {
    let isAbsolute = root.hasPrefix("/")
    var path = isAbsolute ? "/" : "."
    return root.split(separator: "/").filter { $0 != "." }.map { name in
      path = join(path, String(name))
      return path
    }
  }

  /// The folders that hold the files of `type`.
  func folders(of type: BackendFileType) -> [String] {
    switch type {
    case .config: [root]
    case .data: dataFolders
    case .index, .key, .lock, .snapshot: [join(root, type.rawValue)]
    }
  }

  /// The folder that holds all files of `type`, at any depth.
  func typeFolder(of type: BackendFileType) -> String {
    type == .config ? root : join(root, type.rawValue)
  }

  /// The folder that holds `file`.
  func folder(of file: BackendFile) -> String {
    let folder = typeFolder(of: file.type)
    return file.type == .data ? join(folder, String(file.name.prefix(2))) : folder
  }

  /// The path of `file`.
  func path(of file: BackendFile) -> String {
    join(folder(of: file), name(of: file))
  }

  /// A path beside `file` for a file that is being written, named as restic names its own. Neither this program nor
  /// restic lists such files.
  func temporaryPath(for file: BackendFile) -> String {
    let random = Hex.text(UInt64.random(in: .min ... .max)) + Hex.text(UInt64.random(in: .min ... .max))
    return path(of: file) + "-restic-temp-" + random
  }

  private func name(of file: BackendFile) -> String { file.type == .config ? "config" : file.name }

  private func join(_ folder: String, _ name: String) -> String {
    folder == "." ? name : folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }
}
