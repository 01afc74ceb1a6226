internal import Glibc

/// The identity that this client writes into locks, keys and snapshots.
public struct ClientIdentity: Hashable, Sendable {
  /// The machine, as `hostname` prints it.
  public var hostname: String
  /// The user's name; empty where the user has none.
  public var username: String
  /// The numeric user.
  public var uid: UInt32
  /// The numeric group.
  public var gid: UInt32
  /// This process.
  public var pid: Int32

  /// An identity with these values.
  public init(hostname: String, username: String, uid: UInt32, gid: UInt32, pid: Int32) {
    self.hostname = hostname
    self.username = username
    self.uid = uid
    self.gid = gid
    self.pid = pid
  }

  /// The user and the machine of this process. Asks the user database, which may be slow.
  public static var current: ClientIdentity {
    ClientIdentity(
      hostname: currentHostname(), username: currentUsername(), uid: getuid(), gid: getgid(), pid: getpid())
  }

  private static func currentHostname() -> String {
    // POSIX: host names are shorter than 256 bytes.
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
    return string(buffer)
  }

  private static func currentUsername() -> String {
    var buffer = [CChar](repeating: 0, count: 16 << 10)
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    guard getpwuid_r(getuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
    else {
      return ""
    }
    return String(cString: name)
  }

  private static func string(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
