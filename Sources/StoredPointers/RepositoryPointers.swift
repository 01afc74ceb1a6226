public import SystemPackage

/// The files of a stored repository that name other places, from which git reads objects and references as if they were
/// in the repository. Places in the same mount are allowed.
///
/// The mount serves no links, so a path leads where it seems to lead. Both programs check this before git sees a
/// private mount.
/// Source: gitrepository-layout(5); object-file.c of git 2.39 (`link_alt_odb_entries`), worktree.c; reftable/stack.c.
public struct RepositoryPointers {
  /// git follows five levels of alternates. No honest repository has more folders or larger files than these limits.
  private static let directoryLimit = 100
  private static let byteLimit = 65536
  private static let workTreeLimit = 1000

  /// The mount's root.
  private let root: FilePath
  /// The repository's folder.
  private let repository: FilePath
  /// How to read its files.
  private let files: any StoredFiles
  /// The objects folders that were checked.
  private var known: Set<FilePath> = []

  /// Throws if a file of `repository`, which `files` reads, names a place outside of the mount at `root`. The error
  /// says what to do.
  public static func check(
    _ repository: FilePath, on root: FilePath, reading files: some StoredFiles = FilesOfPath()
  ) throws(PointerViolation) {
    var pointers = RepositoryPointers(repository, on: root, reading: files)
    try pointers.checkFolders()
    try pointers.checkAlternates(of: repository.appending("objects"))
  }

  private init(_ repository: FilePath, on root: FilePath, reading files: some StoredFiles) {
    self.root = root
    self.repository = repository
    self.files = files
  }

  /// Checks the repository's folder, which must not be a part of another repository, and its work trees' folders, which
  /// must belong to it.
  private func checkFolders() throws(PointerViolation) {
    try checkWhole(repository)
    let workTrees = repository.appending("worktrees")
    for name in try names(in: workTrees, limit: Self.workTreeLimit) {
      try checkTables(of: workTrees.appending(name))
      let file = workTrees.appending(name).appending("commondir")
      guard let bytes = try content(of: file) else { continue }
      let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      guard text == "../.." else {
        throw PointerViolation(
          "\(relative(file)) of the stored repository names another one: mount it and run `git worktree prune`")
      }
    }
  }

  /// Throws if `folder` is a part of another repository, or if it names reftables that are not its own.
  private func checkWhole(_ folder: FilePath) throws(PointerViolation) {
    for name in ["commondir", "gitdir"] where try content(of: folder.appending(name)) != nil {
      throw PointerViolation(
        "the stored repository is a part of another one, which its file \(relative(folder.appending(name))) names: mount it "
          + "and remove that file, or push to a mount of a whole repository")
    }
    try checkTables(of: folder)
  }

  /// Throws if a list of reftables names other files. git appends each line of the list to the folder's path, reads the
  /// file there, and deletes the file once it has compacted it. Source: reftable/stack.c of git 2.45.
  private func checkTables(of folder: FilePath) throws(PointerViolation) {
    let file = folder.appending("reftable").appending("tables.list")
    guard let bytes = try content(of: file) else { return }
    for line in bytes.split(separator: UInt8(ascii: "\n")) where line.contains(UInt8(ascii: "/")) {
      throw PointerViolation(
        "\(relative(file)) of the stored repository names \(Self.shown(line)), which is no file beside it: mount it and "
          + "put that file right, or restore an earlier snapshot")
    }
  }

  /// Follows the alternates of the folder `objects`, and the alternates of those.
  private mutating func checkAlternates(of objects: FilePath) throws(PointerViolation) {
    var folders = [objects]
    while let folder = folders.popLast() {
      guard known.insert(folder).inserted else { continue }
      // git also reads references from the repository around an objects folder.
      if folder != root { try checkWhole(folder.removingLastComponent()) }
      guard known.count <= Self.directoryLimit else {
        throw PointerViolation("the stored repository has more than \(Self.directoryLimit) alternates: \(Self.remedy)")
      }
      for name in ["alternates", "http-alternates"] {
        let file = folder.appending("info").appending(name)
        guard let bytes = try content(of: file) else { continue }
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
          folders.append(try target(of: Array(line), in: folder, file))
        }
      }
    }
  }

  /// The folder that a line of `file` names, relative to the objects folder `folder`.
  private func target(of line: [UInt8], in folder: FilePath, _ file: FilePath) throws(PointerViolation) -> FilePath {
    // A quoted line would have to be parsed as git does; no program writes one for a folder nearby.
    let isPlain = line.first != UInt8(ascii: "\"") && !line.contains(0)
    if isPlain, let text = String(validating: line, as: UTF8.self) {
      let path = FilePath(text)
      let target = folder.pushing(path).lexicallyNormalized()
      if path.isRelative, !text.contains("://"), target.starts(with: root) { return target }
    }
    throw PointerViolation(
      "\(relative(file)) of the stored repository names \(Self.shown(line)), outside of it: \(Self.remedy)")
  }

  private static let remedy =
    "mount it and run `git repack -a -d && rm objects/info/*alternates` there, where those folders can be found"

  /// The beginning of a line, for a message.
  private static func shown(_ line: some Collection<UInt8>) -> String {
    String(decoding: line.prefix(200), as: UTF8.self)
  }

  private func relative(_ file: FilePath) -> String {
    var file = file
    _ = file.removePrefix(root)
    return file.string
  }

  /// The bytes of a file; nil if it does not exist.
  private func content(of path: FilePath) throws(PointerViolation) -> [UInt8]? {
    guard let bytes = try reading(path, { files throws(Errno) in try files.content(of: path, limit: Self.byteLimit) })
    else { return nil }
    guard bytes.count <= Self.byteLimit else {
      throw PointerViolation("\(relative(path)) of the stored repository is larger than \(Self.byteLimit >> 10) KiB")
    }
    return bytes
  }

  /// The names in a folder; empty if it does not exist.
  private func names(in path: FilePath, limit: Int) throws(PointerViolation) -> [FilePath.Component] {
    let names = try reading(path) { files throws(Errno) in try files.names(in: path, limit: limit) } ?? []
    guard names.count <= limit else {
      throw PointerViolation("\(relative(path)) of the stored repository is too large")
    }
    return names
  }

  /// What `body` reads at `path`; nil if nothing is there.
  private func reading<Result>(
    _ path: FilePath, _ body: (any StoredFiles) throws(Errno) -> Result
  ) throws(PointerViolation) -> Result? {
    do throws(Errno) {
      return try body(files)
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return nil }
      throw PointerViolation("\(relative(path)) of the stored repository cannot be read: \(error)")
    }
  }
}
