/// How a file system is mounted.
///
/// Always on, whatever `additionalOptions` say: nosuid, nodev, default_permissions (the kernel checks permissions).
public struct FuseMountOptions: Hashable, Sendable {
  /// The source that /proc/self/mountinfo shows.
  public var fileSystemName: String
  /// The type is shown as `fuse.` followed by this; umount(8) runs `umount.fuse.` followed by this.
  public var subtype: String
  /// Whether the mount is read-only.
  public var readOnly = false
  /// Whether users other than the mounting one have access; for an ordinary user this needs user_allow_other in
  /// /etc/fuse.conf.
  public var allowOther = false
  /// Whether files can be run as programs. If false, the mount is noexec.
  public var allowExecution = false
  /// More options for mount(8), each as after one `-o`.
  public var additionalOptions: [String] = []
  /// How long the kernel may use a name that it has looked up.
  public var entryTimeout: Duration = .seconds(86_400)
  /// How long the kernel may use attributes.
  public var attributeTimeout: Duration = .seconds(86_400)
  /// How long the kernel may remember that a name does not exist; with zero it does not remember.
  public var negativeEntryTimeout: Duration = .seconds(86_400)
  /// How many requests are answered at once. A request that waits for a slow backend occupies a thread; beyond this
  /// number, interruptions of requests go unnoticed.
  public var maximumThreadCount = 128
  /// How many idle threads are kept.
  public var maximumIdleThreadCount = 24

  /// Options with everything else at its default.
  public init(fileSystemName: String, subtype: String = "restic-gitfs") {
    self.fileSystemName = fileSystemName
    self.subtype = subtype
  }

  /// The arguments of libfuse: a program name, then pairs of `-o` and one option.
  ///
  /// Options that must hold come last, because later options win.
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
