import Foundation
public import Glibc
public import SystemPackage

/// OpenSSH's sshd on a port of 127.0.0.1, the real thing, with keys and settings of a test's own.
///
/// sshd serves SFTP itself (`internal-sftp`). To start another program it would start the account's shell first, which runs the
/// account's `.bashrc`: a `.bashrc` that waits for a lock would hold up every connection.
public final class SSHServer: Sendable {
  /// The program that serves SFTP, which also works without sshd.
  public static let sftpServer = "/usr/lib/openssh/sftp-server"

  /// Where it listens.
  public let port: UInt16
  /// Keys, settings and the log.
  private let folder: FilePath
  private let program: BackgroundProgram

  /// Starts a server whose files are in `folder`, which is made, and returns when it listens. Relative paths of SFTP begin in
  /// `start`, without one in the user's home folder.
  public init(in folder: FilePath, servesSFTP: Bool = true, startingIn start: FilePath? = nil) async throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    let runner = ProcessRunner(directory: folder)
    for key in ["host_key", "client_key"] {
      try await runner.check("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", key])
    }
    try await runner.check("cp", ["client_key.pub", "authorized_keys"])
    // As root sshd keeps its unprivileged part there.
    if geteuid() == 0 { mkdir("/run/sshd", 0o755) }
    let (port, program) = try await Self.start(
      in: folder, subsystem: servesSFTP ? Self.subsystem(startingIn: start) : [])
    (self.port, self.program) = (port, program)
    let hostKey = try String(contentsOfFile: folder.appending("host_key.pub").string, encoding: .utf8)
    try Data("[127.0.0.1]:\(port) \(hostKey)".utf8)
      .write(to: URL(fileURLWithPath: folder.appending("known_hosts").string))
  }

  /// The `sftp.args` that keep the user's own configuration out.
  public var arguments: String { arguments(knownHosts: "known_hosts") }

  /// As `arguments`, for a client that knows no server.
  public var argumentsOfStranger: String { arguments(knownHosts: "none") }

  private func arguments(knownHosts: String) -> String {
    [
      "-F none", "-i \(folder.appending("client_key"))", "-o IdentitiesOnly=yes", "-o StrictHostKeyChecking=yes",
      "-o GlobalKnownHostsFile=none", "-o UserKnownHostsFile=\(folder.appending(knownHosts))",
    ].joined(separator: " ")
  }

  /// The location of the folder `path`, which is absolute.
  public func location(_ path: FilePath) -> String { "sftp://127.0.0.1:\(port)/\(path)" }

  /// The command that connects, as `sftp.command` takes it.
  public var command: String { "ssh 127.0.0.1 -p \(port) \(arguments) -s sftp" }

  /// Makes a folder with an `ssh` that knows key and server, for programs that are told the location only. Returns it.
  public func makeCommand() throws -> FilePath { try makeProgram("exec /usr/bin/ssh \(arguments) \"$@\"") }

  /// Makes a folder with a program `ssh` that is a shell's `command`. Returns it.
  private func makeProgram(_ command: String) throws -> FilePath {
    let bin = folder.appending("bin")
    try FileManager.default.createDirectory(atPath: bin.string, withIntermediateDirectories: true)
    let program = bin.appending("ssh").string
    try Data("#!/bin/sh\n\(command)\n".utf8).write(to: URL(fileURLWithPath: program))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
    return bin
  }

  /// Makes a folder with an `ssh` that reaches the server as `host`, as a person's own settings would have it. Returns it.
  public func makeCommand(forHost host: String) throws -> FilePath {
    let configuration = """
      Host \(host)
        HostName 127.0.0.1
        Port \(port)
        IdentityFile \(folder.appending("client_key"))
        IdentitiesOnly yes
        StrictHostKeyChecking yes
        GlobalKnownHostsFile none
        UserKnownHostsFile \(folder.appending("known_hosts"))

      """
    let file = folder.appending("ssh_config").string
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: file))
    return try makeProgram("exec /usr/bin/ssh -F \(file) \"$@\"")
  }

  /// The server's log.
  public var log: String { program.output }

  /// Gives the client's key a passphrase, which ssh asks for from now on.
  public func encryptKey(_ passphrase: String) async throws {
    try await ProcessRunner(directory: folder).check(
      "ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", "client_key"])
  }

  /// Has the server forget the client's key.
  public func forgetClient() throws {
    try FileManager.default.removeItem(atPath: folder.appending("authorized_keys").string)
  }

  /// The processes of all connections, the one that serves SFTP last.
  public func sessions() -> [pid_t] {
    guard let text = try? String(contentsOfFile: folder.appending("pid").string, encoding: .utf8),
      let listener = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
    else { return [] }
    let parents = ProcessTable.parents()
    var found = [listener]
    var next = 0
    while next < found.count {
      found += parents.filter { $0.value == found[next] }.map(\.key)
      next += 1
    }
    return Array(found.dropFirst())
  }

  /// Ends it, and all connections.
  public func stop() async throws {
    let sessions = sessions()
    try await program.stop()
    for process in sessions { kill(process, SIGKILL) }
  }

  private static func subsystem(startingIn start: FilePath?) -> [String] {
    ["Subsystem sftp internal-sftp" + (start.map { " -d \($0)" } ?? "")]
  }

  /// A server on a port that was free a moment ago. Another program may have taken the port since.
  private static func start(in folder: FilePath, subsystem: [String]) async throws -> (UInt16, BackgroundProgram) {
    while true {
      let proxy = try FaultProxy()
      let port = proxy.port
      proxy.stop()
      let own: [String] = [
        "ListenAddress 127.0.0.1", "Port \(port)", "HostKey \(folder.appending("host_key"))",
        "PidFile \(folder.appending("pid"))", "AuthorizedKeysFile \(folder.appending("authorized_keys"))",
        "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
        "PermitRootLogin yes", "UseDNS no", "PrintMotd no", "MaxStartups 100",
      ]
      try Data((own + subsystem).joined(separator: "\n").utf8 + [10])
        .write(to: URL(fileURLWithPath: folder.appending("sshd_config").string))
      let program = try BackgroundProgram(
        "/usr/sbin/sshd", ["-D", "-e", "-f", folder.appending("sshd_config").string], log: folder.appending("log"))
      try await waitUntil {
        program.output.contains("Server listening on") || program.output.contains("Bind to port")
          || program.output.contains("fatal:") || program.output.contains("No such file")
      }
      if program.output.contains("Server listening on") { return (port, program) }
      try await program.stop()
      guard program.output.contains("Bind to port") else { throw Failure(log: program.output) }
    }
  }

  /// The server has not started.
  public struct Failure: Error, CustomStringConvertible {
    let log: String
    /// How to install sshd, and sshd's log.
    public var description: String { "sshd does not start (scripts/bootstrap --test installs it): \(log)" }
  }
}

/// The processes of this machine.
public enum ProcessTable {
  /// The parent of each process. A process that ends meanwhile is omitted.
  public static func parents() -> [pid_t: pid_t] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    var parents: [pid_t: pid_t] = [:]
    for process in names.compactMap({ pid_t($0) }) {
      guard let file = FileHandle(forReadingAtPath: "/proc/\(process)/stat"),
        let bytes = try? file.readToEnd(), let end = bytes.lastIndex(of: UInt8(ascii: ")"))
      else { continue }
      // PID (NAME) STATE PARENT …
      let words = String(decoding: bytes[(end + 1)...], as: UTF8.self).split(separator: " ")
      parents[process] = words.count > 1 ? pid_t(words[1]) : nil
    }
    return parents
  }

  /// The processes that this one has started and not waited for, zombies among them.
  public static func children() -> Set<pid_t> {
    let own = getpid()
    return Set(parents().filter { $0.value == own }.keys)
  }

  /// Whether a process has ended and was not reaped yet.
  public static func isZombie(_ process: pid_t) -> Bool {
    let text = FileManager.default.contents(atPath: "/proc/\(process)/stat").map { String(decoding: $0, as: UTF8.self) }
    return text?.contains(") Z ") == true
  }

  /// The program and the arguments of a process; empty for one that has ended.
  public static func commandLine(_ process: pid_t) -> String {
    let file = FileHandle(forReadingAtPath: "/proc/\(process)/cmdline")
    let bytes = (try? file?.readToEnd()) ?? nil
    return String(decoding: bytes ?? Data(), as: UTF8.self).replacingOccurrences(of: "\0", with: " ")
  }
}
