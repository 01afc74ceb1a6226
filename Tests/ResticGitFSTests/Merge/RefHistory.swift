import ResticTestSupport

@testable import ResticGitFS

/// The refs of one git repository, changed at random as git would: no name is a folder of another, and no symbolic ref but `HEAD`
/// loses its target.
struct RefHistory {
  private(set) var loose = ["HEAD": "ref: refs/heads/main"]
  private(set) var packed: [String: String] = [:]
  private var emptyFolders: Set<String> = []
  /// The operations so far, for the report of a failure.
  private(set) var log: [String] = []

  private static let names = [
    "refs/heads/main", "refs/heads/a", "refs/heads/a/b", "refs/heads/a/b/c", "refs/heads/b", "refs/heads/c/d",
    "refs/heads/c/e",
    "refs/heads/ab", "refs/tags/v1", "refs/tags/v1/x", "refs/tags/v2", "refs/remotes/o/main",
  ]
  private static let symbolicNames = ["HEAD", "HEAD", "refs/remotes/o/HEAD", "refs/s"]

  /// The refs as a reader sees them.
  var refs: RefMap { RefMap(packed.merging(loose) { $1 }) }

  /// The files.
  var files: FileTree {
    var files: FileTree = ["objects/pack": .directory, "refs/heads": .directory, "refs/tags": .directory]
    for folder in emptyFolders where !loose.keys.contains(where: { folder == $0 || folder.hasPrefix($0 + "/") }) {
      files[folder] = .directory
    }
    for folder in files.entries.keys where loose.keys.contains(where: { $0.hasPrefix(folder + "/") }) {
      files[folder] = nil
    }
    for (name, value) in loose { files[name] = .file(value + "\n") }
    if !packed.isEmpty {
      let lines = packed.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }
      files["packed-refs"] = .file(RefMergeTests.header + lines.map { "\($0.value) \($0.key)\n" }.joined())
    }
    return files
  }

  /// The history that goes on from the files of a merge.
  mutating func adopt(_ files: FileTree) {
    loose = [:]
    packed = RefMap(["packed-refs": files["packed-refs"] ?? ""]).values
    emptyFolders = []
    for (path, entry) in files.entries where path.hasPrefix("refs/") || path == "HEAD" {
      if entry.kind == .directory { emptyFolders.insert(path) } else { loose[path] = String(entry.text.dropLast()) }
    }
    log = []
  }

  /// Does something.
  mutating func step(_ random: inout SplitMix64) {
    let name = Self.names.randomElement(using: &random) ?? ""
    switch Int.random(in: 0..<14, using: &random) {
    case 0...5:
      let id = String(repeating: String("123456".randomElement(using: &random) ?? "1"), count: 40)
      guard isFree(name), refs.target(of: name) == nil else { return }
      loose[name] = id
      emptyFolders = emptyFolders.filter { $0 != name && !$0.hasPrefix(name + "/") }
      log.append("\(name)=\(id.prefix(1))")
    case 6...8:
      guard refs[name] != nil, !refs.values.keys.contains(where: { $0 != "HEAD" && refs.target(of: $0) == name }) else {
        return
      }
      loose[name] = nil
      packed[name] = nil
      let folder = name.split(separator: "/").dropLast().joined(separator: "/")
      if folder.split(separator: "/").count > 2, Bool.random(using: &random) { emptyFolders.insert(folder) }
      log.append("\(name)=nil")
    case 9:
      for (name, value) in loose where !value.hasPrefix("ref:") && name != "HEAD" {
        packed[name] = value
        loose[name] = nil
      }
      log.append("pack")
    case 10:
      for (name, value) in loose where !value.hasPrefix("ref:") && name != "HEAD" { packed[name] = value }
      log.append("pack without prune")
    default:
      let symbolic = Self.symbolicNames.randomElement(using: &random) ?? ""
      if symbolic != "HEAD", Int.random(in: 0..<4, using: &random) == 0 {
        loose[symbolic] = nil
        log.append("\(symbolic)=nil")
      } else if refs[name] != nil && isFree(symbolic) || symbolic == "HEAD" {
        loose[symbolic] = "ref: \(name)"
        log.append("\(symbolic)=ref: \(name)")
      }
    }
  }

  private func isFree(_ name: String) -> Bool {
    !refs.values.keys.contains { $0.hasPrefix(name + "/") || name.hasPrefix($0 + "/") }
  }
}
