/// The program that brings an SFTP server's words here: `ssh`, or what `sftp.command` names.
extension ServiceCommand {
  /// Silence of a server is noticed after three of these, before a lock is lost by it (`LockPolicy.lossTimeout`); a connection
  /// on which nothing is sent is kept open by them, too.
  private static let aliveSeconds = 15
  private static let aliveCount = 3

  /// The program for `location`. `connectLimit`: how long a server may take to be reached.
  ///
  ///     ssh HOST [-p PORT] [-l USER] [sftp.args] -s sftp
  ///
  /// ssh takes the first value of an option that it meets: what the user says in `sftp.args` counts, and then what we say
  /// behind it; ~/.ssh/config comes last. Source: restic, internal/backend/sftp/sftp.go; ssh_config(5).
  init(_ location: SFTPLocation, _ options: SFTPOptions, connectLimit: Duration) {
    let seconds = max(1, Int(connectLimit.components.seconds))
    if let command = options.command {
      self.init(
        words: command, name: command[0].split(separator: "/").last.map(String.init) ?? command[0],
        startLimit: connectLimit * 2, advice: "sftp.command has to name a program")
      return
    }
    var words = ["ssh", location.host]
    if let port = location.port { words += ["-p", String(port)] }
    if let user = location.user { words += ["-l", user] }
    words += options.arguments
    for option in [
      "ConnectTimeout=\(seconds)", "ServerAliveInterval=\(Self.aliveSeconds)", "ServerAliveCountMax=\(Self.aliveCount)",
    ] { words += ["-o", option] }
    self.init(
      words: words + ["-s", "sftp"], name: "ssh", startLimit: connectLimit * 2, advice: "install openssh-client")
  }
}
