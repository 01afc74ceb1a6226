/// How a file system is mounted.
///
/// Always on, whatever `additionalOptions` say: nosuid, nodev, default_permissions (the kernel checks permissions).
public struct FuseMountOptions: Hashable, Sendable {
  /// What /proc/self/mountinfo shows as the source.
  public var fileSystemName: String
  /// The type shows as `fuse.` and this; umount(8) runs `umount.fuse.` and this.
  public var subtype: String
  /// Whether nothing can be changed.
  public var readOnly = false
  /// Whether other users than the mounting one get in; as a normal user only with user_allow_other in /etc/fuse.conf.
  public var allowOther = false
  /// Whether files can be run as programs. Off: noexec.
  public var allowExecution = false
  /// More options for mount(8), each as after one `-o`.
  public var additionalOptions: [String] = []
  /// How long the kernel may use a name it looked up.
  public var entryTimeout: Duration = .seconds(86_400)
  /// How long the kernel may use attributes.
  public var attributeTimeout: Duration = .seconds(86_400)
  /// How long the kernel may remember that a name does not exist; zero: not at all.
  public var negativeEntryTimeout: Duration = .seconds(86_400)
  /// How many requests are worked on at once. One that waits for a slow backend occupies one; beyond them nobody learns
  /// that a request was interrupted.
  public var maximumThreadCount = 128
  /// How many threads without work are kept.
  public var maximumIdleThreadCount = 24

  /// Options with everything else at its default.
  public init(fileSystemName: String, subtype: String = "restic-gitfs") {
    self.fileSystemName = fileSystemName
    self.subtype = subtype
  }

  /// The arguments of libfuse: a program name, then pairs of `-o` and one option.
  ///
  /// What must hold comes last: later options win.
  var arguments: [String] {
    var options = additionalOptions
    options.append("fsname=" + Self.escaped(fileSystemName))
    options.append("subtype=" + Self.escaped(subtype))
    options += ["default_permissions", "nosuid", "nodev", allowExecution ? "exec" : "noexec"]
    if readOnly { options.append("ro") }
    if allowOther { options.append("allow_other") }
    return options.reduce(into: ["restic-gitfs"]) { $0 += ["-o", $1] }
  }

  /// `value` for libfuse, which splits options at commas and undoes backslashes.
  private static func escaped(_ value: String) -> String {
    value.reduce(into: "") { result, character in
      if character == "," || character == "\\" { result.append("\\") }
      result.append(character)
    }
  }
}
