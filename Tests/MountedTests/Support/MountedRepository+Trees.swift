import SystemPackage
import Testing

/// The content of a tree of files, one line per name: to compare a mount's content with the expected one.
struct TreeListing: Equatable, Sendable {
  let lines: [String]

  /// The differences: lines of the other listing with `-`, and of this one with `+`.
  func differences(from other: TreeListing) -> String {
    lines.difference(from: other.lines).prefix(12).map { change in
      switch change {
      case .insert(_, let line, _): "+ \(line)"
      case .remove(_, let line, _): "- \(line)"
      }
    }.joined(separator: "\n")
  }
}

extension MountedRepository {
  /// Lists a tree: type, mode, size, time of change, link count and linked names, target, device, attributes,
  /// SHA-256 of the content. Not the root itself, and no owners: a new mount shows those as the mounting user's.
  ///
  /// A close may fail with EIO once, if the test has killed a program (`KilledProgramTests`): the file is read again.
  func listing(_ path: FilePath? = nil, times: Bool = true) async throws -> TreeListing {
    let program = """
      def digest(path):
          file = open(path, "rb", buffering=0)
          result = hashlib.file_digest(file, "sha256").hexdigest()
          file.close()
          return result
      def digest_after_kill(path):
          try: return digest(path)
          except OSError as error:
              if error.errno != errno.EIO: raise
              return digest(path)
      names = {}
      for folder, folders, files in os.walk(b".", onerror=lambda error: (_ for _ in ()).throw(error)):
          for name in folders + files:
              path = os.path.join(folder, name)
              names[path] = os.lstat(path)
      first = {}
      for path in sorted(names):
          s = names[path]
          words = [ascii(path)[2:-1], "%o" % s.st_mode]
          if times: words.append("t=%d" % s.st_mtime_ns)
          if not stat.S_ISDIR(s.st_mode):
              words += ["n=%d" % s.st_nlink, "like=" + first.setdefault((s.st_dev, s.st_ino), words[0])]
          if stat.S_ISREG(s.st_mode):
              words += [str(s.st_size), digest_after_kill(path)]
          if stat.S_ISLNK(s.st_mode): words.append(ascii(os.readlink(path)))
          if stat.S_ISBLK(s.st_mode) or stat.S_ISCHR(s.st_mode): words.append("device=%x" % s.st_rdev)
          for name in sorted(os.listxattr(path)) if stat.S_ISREG(s.st_mode) or stat.S_ISDIR(s.st_mode) else []:
              if name.startswith("user."): words.append(ascii((name, os.getxattr(path, name))))
          print(*words)
      """
    let text = try await python("times = \(times ? "True" : "False")\n" + program, in: path)
    return TreeListing(lines: text.split(separator: "\n").map(String.init))
  }

  /// Fails the test unless the tree at `path` is `expected`.
  func expect(
    _ path: FilePath, shows expected: TreeListing, times: Bool = true, _ what: Comment? = nil,
    at location: SourceLocation = #_sourceLocation
  ) async throws {
    let shown = try await listing(path, times: times)
    if shown != expected {
      Issue.record("\(what.map { "\($0): " } ?? "")\n\(shown.differences(from: expected))", sourceLocation: location)
    }
  }

  /// A new folder with restic's restore of a snapshot.
  func restored(_ snapshot: String = "latest") async throws -> FilePath {
    let target = path("restored-\(UInt32.random(in: .min ... .max))")
    try await restic(["restore", snapshot, "--target", target.string, "--quiet"])
    return target
  }

  /// Fails the test unless the mount shows the same after a commit, in a new mount, and as restic restores it. Returns
  /// what that is, and leaves it mounted.
  @discardableResult
  func expectKept(at location: SourceLocation = #_sourceLocation) async throws -> TreeListing {
    let before = try await listing()
    try await sync()
    try await expect(mountpoint, shows: before, "after a commit", at: location)
    try await unmount()
    try await mount(["--no-git-init"])
    try await expect(mountpoint, shows: before, "in a new mount", at: location)
    try await expect(try await restored(), shows: before, "restored by restic", at: location)
    return before
  }
}
