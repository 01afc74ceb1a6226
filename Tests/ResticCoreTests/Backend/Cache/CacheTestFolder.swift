import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// A folder for caches, and a test's changes to it behind the program's back.
struct CacheTestFolder {
  private let directory: TemporaryDirectory

  init() throws { directory = try TemporaryDirectory(prefix: "cache-test") }

  /// The test's own folder, which exists.
  var outside: FilePath { directory.path }
  /// Where caches go; not there at first.
  var base: FilePath { directory.path.appending("home").appending("restic") }

  /// Settings of a test's repository with its cache here.
  func settings(keepsFiles: Bool = true) -> Repository.Settings {
    var settings = TestRepository.settings()
    settings.cache = CachePlace(folder: base, keepsFiles: keepsFiles)
    return settings
  }

  /// The folder of one repository.
  func folder(of repository: Repository) -> FilePath { base.appending(repository.config.id) }

  /// Where `file` of `repository` is cached.
  func path(of file: BackendFile, in repository: Repository) -> FilePath {
    folder(of: repository).appending(file.type.rawValue).appending(String(file.name.prefix(2))).appending(file.name)
  }

  /// The cached files of `type`.
  func names(of type: BackendFileType, in repository: Repository) -> Set<String> {
    let folder = folder(of: repository).appending(type.rawValue).string
    let found = FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? []
    return Set(found.compactMap { $0.split(separator: "/").last.map(String.init) }.filter { $0.count > 2 })
  }

  static func bytes(_ path: FilePath) throws -> [UInt8] {
    try [UInt8](Data(contentsOf: URL(fileURLWithPath: path.string)))
  }

  static func write(_ bytes: [UInt8], to path: FilePath) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path.string))
  }

  static func makeFolder(_ path: FilePath) throws {
    try FileManager.default.createDirectory(atPath: path.string, withIntermediateDirectories: true)
  }

  static func remove(_ path: FilePath) throws {
    try FileManager.default.removeItem(atPath: path.string)
  }

  /// lstat(2).
  static func status(_ path: FilePath) throws -> Glibc.stat {
    try SystemCall.linkStatus(path)
  }

  /// The things that may be in place of a cached file.
  enum Replacement: String, CaseIterable {
    case nothing
    case empty
    case truncated
    case flipped
    case folder
    case link
    case danglingLink
    case fifo
    case foreign

    /// Puts it at `path`, where a file is. Says whether that could be done.
    func put(at path: FilePath) throws -> Bool {
      let bytes = try CacheTestFolder.bytes(path)
      try CacheTestFolder.remove(path)
      switch self {
      case .nothing: break
      case .empty: try CacheTestFolder.write([], to: path)
      case .truncated: try CacheTestFolder.write(Array(bytes.dropLast(bytes.count / 2)), to: path)
      case .flipped: try CacheTestFolder.write(bytes.map { $0 ^ 1 }, to: path)
      case .folder: try CacheTestFolder.makeFolder(path)
      case .link:
        // The target is right: only the link itself is wrong.
        let target = FilePath(path.string + "-target")
        try CacheTestFolder.write(bytes, to: target)
        #expect(symlink(target.string, path.string) == 0)
      case .danglingLink: #expect(symlink("nowhere", path.string) == 0)
      case .fifo: #expect(mkfifo(path.string, 0o600) == 0)
      case .foreign:
        guard geteuid() == 0 else { return false }
        try CacheTestFolder.write(bytes, to: path)
        #expect(chown(path.string, 12345, 12345) == 0)
      }
      return true
    }
  }
}
