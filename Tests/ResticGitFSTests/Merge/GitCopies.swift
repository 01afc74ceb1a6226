import Foundation
import ResticTestSupport
import SystemPackage

/// Copies of a git repository on disk, in a folder of their own.
struct GitCopies {
  /// git's view of a copy.
  struct State {
    var refs: RefMap
    /// The ids of all objects.
    var objects: Set<String>
    /// The first line of `packed-refs`.
    var packedRefsHeader: String?
  }

  private let folder: TemporaryDirectory
  private let runner: ProcessRunner

  init() throws {
    folder = try TemporaryDirectory(prefix: "git-merge-test")
    runner = ProcessRunner(
      environment: [
        "HOME": folder.path.string, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@a",
        "GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@c", "GIT_CONFIG_COUNT": "0", "GIT_DIR": nil,
      ], timeout: .seconds(120))
  }

  /// Where a copy is.
  func path(_ copy: String) -> FilePath { folder.path.appending(copy) }

  /// Runs shell commands in a copy, which is made if it is not there.
  @discardableResult
  func run(_ script: String, in copy: String) async throws -> String {
    try FileManager.default.createDirectory(atPath: path(copy).string, withIntermediateDirectories: true)
    var runner = runner
    runner.directory = path(copy)
    return try await runner.check("sh", ["-ec", "echo 'in \(copy):' >&2\n" + script]).output
  }

  func copy(_ source: String, to target: String) throws {
    try? FileManager.default.removeItem(atPath: path(target).string)  // Not there the first time.
    try FileManager.default.copyItem(atPath: path(source).string, toPath: path(target).string)
  }

  func move(_ source: String, to target: String) throws {
    try FileManager.default.removeItem(atPath: path(target).string)
    try FileManager.default.moveItem(atPath: path(source).string, toPath: path(target).string)
  }

  /// Checks a copy with `git fsck --strict`, and reads it.
  func state(_ copy: String) async throws -> State {
    let output = try await run(
      """
      git fsck --strict --no-dangling --full >&2
      git for-each-ref --format='%(refname) %(objectname) %(symref)'
      echo "HEAD $(git rev-parse -q --verify HEAD || echo none) $(git symbolic-ref -q HEAD || :)"
      echo ---
      git cat-file --batch-all-objects --batch-check='%(objectname)'
      """, in: copy)
    var refs = RefMap()
    let lines = output.split(separator: "\n")
    for line in lines.prefix(while: { $0 != "---" }) {
      let words = line.split(separator: " ")
      refs[String(words[0])] = words.count > 2 ? "ref: \(words[2])" : String(words[1])
    }
    // The file may not exist.
    let packed = try? String(contentsOfFile: path(copy).appending("packed-refs").string, encoding: .utf8)
    return State(
      refs: refs, objects: Set(lines.drop { $0 != "---" }.dropFirst().map(String.init)),
      packedRefsHeader: packed?.split(separator: "\n").first.map(String.init))
  }
}
