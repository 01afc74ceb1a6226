internal import Glibc
internal import Platform

/// The meaning of a connection's end, and what a person can change, derived from ssh's last words, its only
/// information. Source for the words: OpenSSH, ssh.c, sshconnect.c, sshconnect2.c, packet.c.
struct SSHWords: Sendable {
  /// The server's name in messages.
  let host: String
  let command: ServiceCommand

  /// Some of ssh's last words, in lower case, and the advice for each.
  private static let refusals: [(words: String, advice: String)] = [
    (
      "has changed and you have requested strict checking",
      "the server's key has changed; if that is expected, remove the old key with `ssh-keygen -R HOST`"
    ),
    ("host key verification failed", "connect once with `ssh HOST`, and compare the server's key"),
    (
      "permission denied",
      """
      give ssh a key that the server knows: in ssh-agent, in ~/.ssh/config, or by -o sftp.args='-i FILE'; a password can be \
      typed at a terminal only
      """
    ),
    (
      "too many authentication failures",
      "name the one key that the server knows: -o sftp.args='-i FILE -o IdentitiesOnly=yes'"
    ),
    ("subsystem request failed", "the server does not offer SFTP to this user: see Subsystem in its sshd_config"),
    ("bad configuration option", "ssh does not know an option of sftp.args or ~/.ssh/config"),
    ("unknown option", "ssh does not know an option of sftp.args"),
    ("illegal option", "ssh does not know an option of sftp.args"),
    ("no matching host key type found", "client and server share no kind of key: see HostKeyAlgorithms, ssh_config(5)"),
    (
      "no matching key exchange method found",
      "client and server share no key exchange method: see KexAlgorithms, ssh_config(5)"
    ),
    ("no matching cipher found", "client and server share no cipher: see Ciphers, ssh_config(5)"),
  ]
  private static let absences: [(words: String, advice: String)] = [
    ("could not resolve hostname", "check the name, and the network"),
    ("connection refused", "nothing listens on that port"),
    ("timed out", "the server does not answer; check the network"),
    ("no route to host", "check the network"),
    ("network is unreachable", "check the network"),
  ]

  /// The failure of a connection that was never established.
  func failureToBegin(_ end: SFTPSession.End, _ service: ChildService.End) -> SFTPFailure {
    switch end {
    case .closed:
      passOnInterrupt(service)
      return failureToConnect(service)
    case .garbage(let reason, let bytes):
      let words = bytes.isEmpty ? "" : " (it says \"\(SFTPStatus.printable(bytes.prefix(80)))\")"
      return .refused(
        "\(host) does not speak SFTP: \(reason)\(words); "
          + "make sure that the login shell there prints nothing")
    case .stuck(let limit), .late(let limit):
      return .unreachable("\(host) has not answered for \(limit.components.seconds) s\(lastWords(service))")
    case .unused:
      return .cancelled
    }
  }

  /// The failure of an established connection.
  func failure(_ end: SFTPSession.End, _ service: ChildService.End) -> SFTPFailure {
    switch end {
    case .closed: .interrupted("the connection to \(host) broke\(lastWords(service))")
    case .garbage(let reason, _): .interrupted("\(host) sent data that is not SFTP: \(reason)")
    case .stuck(let limit), .late(let limit): .interrupted("\(host) has not answered for \(limit.components.seconds) s")
    case .unused: .cancelled
    }
  }

  private func failureToConnect(_ service: ChildService.End) -> SFTPFailure {
    let words = service.lastWords
    let plain = words.lowercased()
    // Earlier lines may be about a problem that ssh has overcome; about a refusal they say more.
    let end = plain.split(separator: ";").last ?? ""
    if Self.refusals.contains(where: { end.contains($0.words) }),
      let refusal = Self.refusals.first(where: { plain.contains($0.words) })
    {
      return .refused("\(host): \(words); \(refusal.advice)".replacing("HOST", with: host))
    }
    if let absence = Self.absences.first(where: { plain.contains($0.words) }) {
      return .unreachable("\(host) cannot be reached: \(words); \(absence.advice)")
    }
    guard words.isEmpty else { return .unreachable("\(host) cannot be reached: \(words)") }
    return .unreachable("\(host) cannot be reached: \(command.name) \(Self.description(of: service.status))")
  }

  private func lastWords(_ service: ChildService.End) -> String {
    service.lastWords.isEmpty ? "" : ": \(service.lastWords)"
  }

  private static func description(of end: ChildProcess.End?) -> String {
    switch end {
    case nil: "has ended"
    case .exited(let code): "ended with exit code \(code)"
    case .killed(let signal): "was killed by signal \(signal)"
    }
  }

  /// A Ctrl-C that ssh received, because it had the terminal, was meant for this process too.
  private func passOnInterrupt(_ service: ChildService.End) {
    guard service.hadTerminal, let end = service.status else { return }
    // A shell in between reports 128 plus the signal.
    if end == .killed(signal: SIGINT) || end == .exited(128 + SIGINT) { kill(0, SIGINT) }
  }
}
