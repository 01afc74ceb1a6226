import Glibc
import Platform
import SystemPackage

/// The bare git repository at the root of a private mount.
struct ServedRepository: Sendable {
  /// The mount's root.
  let path: FilePath

  /// Whether a git repository is at the root, as git tells.
  var exists: Bool {
    let types = ["HEAD", "objects", "refs"].map { (Self.attributes(of: path.appending($0))?.st_mode ?? 0) & S_IFMT }
    return types == [S_IFREG, S_IFDIR, S_IFDIR]
  }

  /// Whether there is a `.git` in it: git would take that for the repository, and look nowhere else.
  var hasInnerRepository: Bool { Self.attributes(of: path.appending(".git")) != nil }

  /// The branch that `HEAD` names; nil where it names none.
  var head: String? {
    // A HEAD that cannot be opened is left alone, as one that names no branch. git opens the file itself, and reports the error.
    guard let descriptor = try? FileDescriptor.open(path.appending("HEAD"), .readOnly, options: .closeOnExec) else {
      return nil
    }
    defer { descriptor.closeQuietly() }
    let text = String(decoding: descriptor.readAll(), as: UTF8.self)
    guard text.hasPrefix("ref: "), let line = text.dropFirst("ref: ".count).split(separator: "\n").first else {
      return nil
    }
    return String(line)
  }

  /// Makes `HEAD` name the branch `reference`.
  func setHead(_ reference: String, environment: ProcessEnvironment) throws(HelperError) {
    try check(["symbolic-ref", "HEAD", reference], environment)
  }

  /// Undoes `commands`, which were done.
  func setBack(_ commands: [PushRequest.Command], environment: ProcessEnvironment) throws(HelperError) {
    var lines: [UInt8] = []
    for command in commands {
      lines += Array((command.isCreation ? "delete " : "update ").utf8) + command.reference + [0]
      // Last, the value that it must have now: any.
      lines += command.isCreation ? [0] : command.old + [0, 0]
    }
    try check(["update-ref", "--no-deref", "-z", "--stdin"], environment, input: lines)
  }

  private func check(
    _ arguments: [String], _ environment: ProcessEnvironment, input: [UInt8] = []
  ) throws(HelperError) {
    let result = try GitCommand(
      ServiceSettings.arguments + ["--git-dir", path.string] + arguments, environment: environment
    ).run(input: input)
    guard result.isSuccess else {
      throw HelperError(
        "git \(arguments[0]) failed in the stored repository: \(result.errorOutput.split(separator: "\n").last ?? "")")
    }
  }

  private static func attributes(of path: FilePath) -> stat? {
    var attributes = stat()
    return path.withPlatformString { lstat($0, &attributes) } == 0 ? attributes : nil
  }
}
