import Glibc

/// The socket of the service manager that started this process: systemd, or another program with its protocol.
///
/// The variable NOTIFY_SOCKET names it: the path of a file, or an abstract name after `@`. A datagram holds assignments, a
/// line each. Source: sd_notify(3).
struct NotifySocket: Sendable {
  /// One assignment.
  enum Notice: Hashable, Sendable {
    /// The service has started.
    case ready
    /// The service has begun to stop.
    case stopping
    /// A description of what the service is doing, for a person.
    case status(String)
    /// The service will send another notice within this time; the manager should wait until then.
    case extendTimeout(Duration)

    /// The text in the protocol. A line break in a status would begin another assignment.
    var text: String {
      switch self {
      case .ready: "READY=1"
      case .stopping: "STOPPING=1"
      case .status(let text):
        "STATUS="
          + text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: " ")
      case .extendTimeout(let duration): "EXTEND_TIMEOUT_USEC=\(Int(duration / .microseconds(1)))"
      }
    }
  }

  private static let variable = "NOTIFY_SOCKET"
  /// How long to wait for a manager that does not read.
  private static let sendLimit = timeval(tv_sec: 1, tv_usec: 0)

  /// The socket's name as in `sockaddr_un.sun_path`: an abstract one begins with a zero.
  private let name: [UInt8]

  /// The socket `address`; nil if that is not the address of a local socket.
  init?(address: String) {
    var name = Array(address.utf8)
    guard name.count > 1, name.count < MemoryLayout.size(ofValue: sockaddr_un().sun_path) else { return nil }
    switch name[0] {
    case UInt8(ascii: "/"): break
    case UInt8(ascii: "@"): name[0] = 0
    default: return nil
    }
    self.name = name
  }

  /// The socket that NOTIFY_SOCKET names, nil without one. Removes the variable: programs started by this one must not
  /// report to the manager, as rclone would.
  ///
  /// Call it before other threads read the environment.
  static func take() -> NotifySocket? {
    guard let value = getenv(variable) else { return nil }
    defer { unsetenv(variable) }
    return NotifySocket(address: String(cString: value))
  }

  /// Sends `notices` in one datagram. Ignores a manager that cannot be reached.
  func tell(_ notices: [Notice]) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var limit = Self.sendLimit
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))

    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
    // An abstract name ends where the address ends.
    let count = MemoryLayout<sa_family_t>.size + name.count
    let message = Array(notices.map(\.text).joined(separator: "\n").utf8)
    withUnsafePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), address, socklen_t(count))
      }
    }
  }
}
