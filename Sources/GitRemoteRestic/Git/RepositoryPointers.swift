import Glibc
import Platform
import SystemPackage

/// The files of a stored repository that name other places: git reads objects and references there, as if they were in
/// the repository. Places in the same mount are fine.
///
/// The mount serves no links, so a path leads where it seems to lead.
/// Source: gitrepository-layout(5); object-file.c of git 2.39 (`link_alt_odb_entries`), worktree.c; reftable/stack.c.
struct RepositoryPointers {
  /// git follows five; more of them, and larger files, are nobody's honest work.
  private static let directoryLimit = 100
  private static let byteLimit = 65536
  private static let workTreeLimit = 1000

  /// The mount's root.
  private let root: FilePath
  /// The repository's folder.
  private let repository: FilePath
  /// The objects folders that were looked at.
  private var known: Set<FilePath> = []

  /// Throws where a file of `repository` names a place outside of the mount at `root`, and says what to do.
  static func check(_ repository: FilePath, on root: FilePath) throws(HelperError) {
    var pointers = RepositoryPointers(repository, on: root)
    try pointers.checkFolders()
    try pointers.checkAlternates(of: repository.appending("objects"))
  }

  private init(_ repository: FilePath, on root: FilePath) {
    self.root = root
    self.repository = repository
  }

  /// A repository at the root is a whole one; its work trees' folders belong to it.
  private func checkFolders() throws(HelperError) {
    try checkWhole(repository)
    let workTrees = repository.appending("worktrees")
    for name in try names(in: workTrees, limit: Self.workTreeLimit) {
      try checkTables(of: workTrees.appending(name))
      let file = workTrees.appending(name).appending("commondir")
      guard let bytes = try content(of: file) else { continue }
      let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      guard text == "../.." else {
        throw HelperError(
          "\(relative(file)) of the stored repository names another one: mount it and run `git worktree prune`")
      }
    }
  }

  /// Throws where `folder` is a part of another repository, or names reftables that are not its own.
  private func checkWhole(_ folder: FilePath) throws(HelperError) {
    for name in ["commondir", "gitdir"] where try content(of: folder.appending(name)) != nil {
      throw HelperError(
        "the stored repository is a part of another one, which its file \(relative(folder.appending(name))) names: mount it "
          + "and remove that file, or push to a mount of a whole repository")
    }
    try checkTables(of: folder)
  }

  /// git appends each line of a list of reftables to the folder's path, reads the file there, and deletes the file once it has
  /// compacted it. Source: reftable/stack.c of git 2.45.
  private func checkTables(of folder: FilePath) throws(HelperError) {
    let file = folder.appending("reftable").appending("tables.list")
    guard let bytes = try content(of: file) else { return }
    for line in bytes.split(separator: UInt8(ascii: "\n")) where line.contains(UInt8(ascii: "/")) {
      throw HelperError(
        "\(relative(file)) of the stored repository names \(Self.shown(line)), which is no file beside it: mount it and "
          + "put that file right, or restore an earlier snapshot")
    }
  }

  /// Follows the alternates of the folder `objects`, and theirs.
  private mutating func checkAlternates(of objects: FilePath) throws(HelperError) {
    var folders = [objects]
    while let folder = folders.popLast() {
      guard known.insert(folder).inserted else { continue }
      // git asks the repository around an objects folder for its references.
      if folder != root { try checkWhole(folder.removingLastComponent()) }
      guard known.count <= Self.directoryLimit else {
        throw HelperError("the stored repository has more than \(Self.directoryLimit) alternates: \(Self.remedy)")
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

  /// The folder that a line of `file` names, from the objects folder `folder`.
  private func target(of line: [UInt8], in folder: FilePath, _ file: FilePath) throws(HelperError) -> FilePath {
    // A quoted line would have to be read as git does; no program writes one for a folder nearby.
    let isPlain = line.first != UInt8(ascii: "\"") && !line.contains(0)
    if isPlain, let text = String(validating: line, as: UTF8.self) {
      let path = FilePath(text)
      let target = folder.pushing(path).lexicallyNormalized()
      if path.isRelative, !text.contains("://"), target.starts(with: root) { return target }
    }
    throw HelperError(
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

  /// The bytes of a file; nil where there is none.
  private func content(of path: FilePath) throws(HelperError) -> [UInt8]? {
    let descriptor: FileDescriptor
    do {
      descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
    } catch Errno.noSuchFileOrDirectory, Errno.notDirectory {
      return nil
    } catch {
      throw HelperError("\(relative(path)) of the stored repository cannot be read: \(error)")
    }
    defer { descriptor.closeQuietly() }
    var bytes = [UInt8](repeating: 0, count: Self.byteLimit + 1)
    var count = 0
    do {
      while count < bytes.count {
        let read = try bytes.withUnsafeMutableBytes {
          try descriptor.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[count...]))
        }
        guard read > 0 else { break }
        count += read
      }
    } catch {
      throw HelperError("\(relative(path)) of the stored repository cannot be read: \(error)")
    }
    guard count <= Self.byteLimit else {
      throw HelperError("\(relative(path)) of the stored repository is larger than \(Self.byteLimit >> 10) KiB")
    }
    return Array(bytes[..<count])
  }

  /// The names in a folder; none where there is no such folder.
  private func names(in path: FilePath, limit: Int) throws(HelperError) -> [FilePath.Component] {
    let names: [FilePath.Component]
    do throws(Errno) {
      names = try FolderNames.list(path, limit: limit)
    } catch {
      if error == .noSuchFileOrDirectory || error == .notDirectory { return [] }
      throw HelperError("\(relative(path)) of the stored repository cannot be read: \(error)")
    }
    guard names.count <= limit else { throw HelperError("\(relative(path)) of the stored repository is too large") }
    return names
  }
}
