import CLinux
import Glibc
import SystemPackage

/// What the kernel says of a process: whose process it is, and its name.
///
/// Source: proc_pid_status(5), proc_pid_comm(5).
struct ProcessIdentity: Hashable, Sendable {
  /// The name that the first thread of this program has, in the foreground and in the background.
  private static let programName = "restic-gitfs"

  /// The real user.
  let userID: UInt32
  /// The name of the first thread.
  let name: String

  /// The identity of the process `processID`; nil where there is no such process, or this user may not see it.
  init?(of processID: Int32) {
    // A file that is missing, or closed to this user, means one of the two cases above.
    guard processID > 0,
      let status = try? FileContent.load(FilePath("/proc/\(processID)/status")),
      let name = try? FileContent.load(FilePath("/proc/\(processID)/comm")),
      let line = status.split(separator: UInt8(ascii: "\n")).first(where: { $0.starts(with: "Uid:\t".utf8) })
    else { return nil }
    let fields = line.split(separator: UInt8(ascii: "\t"))
    guard fields.count > 1, let userID = UInt32(String(decoding: fields[1], as: UTF8.self)) else { return nil }
    self.userID = userID
    self.name = String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  /// Gives this process the program's name. A process that is started as `/proc/self/exe` is called `exe` otherwise. For the
  /// first thread.
  static func setProgramName() {
    _ = set_thread_name(programName)  // it fails for a bad pointer only
  }

  /// Whether the process runs this program for the user `ownerID`.
  func isResticGitFS(of ownerID: UInt32?) -> Bool {
    userID == ownerID && name == Self.programName
  }
}
