internal import CFuse3
internal import Glibc
public import SystemPackage

/// Why the kernel or fusermount3 refused a mount, as far as can be told afterwards.
public enum FuseMountObstacle: Hashable, Sendable, CustomStringConvertible {
  /// There is no /dev/fuse.
  case noDevice
  /// /dev/fuse cannot be opened.
  case deviceRefused(Errno)
  /// The program that mounts for ordinary users is not installed.
  case noHelper
  /// That program does not run with root's rights.
  case helperWithoutRights(FilePath)
  /// An ordinary user can mount only on a directory that the user may write to.
  case mountpointNotWritable
  /// `allow_other` of an ordinary user needs the line `user_allow_other` in /etc/fuse.conf.
  case otherUsersNotAllowed
  /// None of the other cases: the kernel does not let this process mount.
  case kernelRefused

  static let device = "/dev/fuse"
  static let helper = "fusermount3"
  private static let configuration: FilePath = "/etc/fuse.conf"

  /// Why a mount at `mountpoint` with `options`, which has just failed, failed.
  static func find(mountpoint: FilePath, options: FuseMountOptions) -> FuseMountObstacle {
    guard access(device, F_OK) == 0 else { return .noDevice }
    let descriptor = open(device, O_RDWR | O_CLOEXEC)
    // fusermount3 opens the device as root, so this user needs no access to it.
    let deviceError = descriptor < 0 ? Errno(rawValue: errno) : nil
    if descriptor >= 0 { close(descriptor) }
    if let deviceError, geteuid() == 0 || deviceError != .permissionDenied { return .deviceRefused(deviceError) }
    guard geteuid() != 0 else { return .kernelRefused }

    guard let program = program(helper) else { return .noHelper }
    guard isPrivileged(program) else { return .helperWithoutRights(program) }
    guard mountpoint.withPlatformString({ access($0, W_OK) }) == 0 else { return .mountpointNotWritable }
    let allowsOther = options.allowOther || options.additionalOptions.contains("allow_root")
    if allowsOther, !configurationAllowsOther() { return .otherUsersNotAllowed }
    return deviceError.map { .deviceRefused($0) } ?? .kernelRefused
  }

  /// The executable file called `name` that libfuse would start: the one of its own distribution, else the first one in
  /// PATH.
  static func program(_ name: String) -> FilePath? {
    let folders = "/usr/bin:" + (getenv("PATH").map { String(cString: $0) } ?? "")
    return folders.split(separator: ":").map { FilePath(String($0)).appending(name) }
      .first { $0.withPlatformString { access($0, X_OK) } == 0 }
  }

  /// Whether `program` runs as root, whoever starts it (set-user-ID).
  static func isPrivileged(_ program: FilePath) -> Bool {
    var attributes = stat()
    return program.withPlatformString { stat($0, &attributes) } == 0 && attributes.st_mode & S_ISUID != 0
      && attributes.st_uid == 0
  }

  /// Whether /etc/fuse.conf has the line `user_allow_other`. An unreadable file counts as one without the line.
  static func configurationAllowsOther() -> Bool {
    guard let file = configuration.withPlatformString({ fopen($0, "re") }) else { return false }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      if text.split(whereSeparator: \.isWhitespace) == ["user_allow_other"] { return true }
    }
    return false
  }

  /// What is wrong and what to do about it.
  public var description: String {
    switch self {
    case .noDevice:
      "there is no /dev/fuse; run `modprobe fuse` as root, or start the container with --device /dev/fuse"
    case .deviceRefused(let error):
      "/dev/fuse cannot be opened: \(error); a container needs --device /dev/fuse"
    case .noHelper:
      "fusermount3 is not installed; install the package fuse3"
    case .helperWithoutRights(let program):
      "\(program) is not set-user-ID root; reinstall the package fuse3"
    case .mountpointNotWritable:
      "you have no write permission there; choose a directory that you own"
    case .otherUsersNotAllowed:
      "--allow-other needs the line user_allow_other in /etc/fuse.conf"
    case .kernelRefused:
      "the kernel refuses the mount; a container needs --cap-add SYS_ADMIN, and its AppArmor or SELinux profile has to allow mounts"
    }
  }
}
