/// The program that connects to an SFTP server: `ssh`, or the one that `sftp.command` names.
extension ServiceCommand {
  /// After three of these intervals a silent server is noticed, before a lock is lost by the silence
  /// (`LockPolicy.lossTimeout`); they also keep an idle connection open.
  private static let aliveSeconds = 15
  private static let aliveCount = 3

  /// The program for `location`. `connectLimit`: how long a server may take to be reached.
  ///
  ///     ssh HOST [-p PORT] [-l USER] [sftp.args] -s sftp
  ///
  /// ssh uses the first value of an option: that of `sftp.args` first, then the values set here, and last
  /// ~/.ssh/config.
  /// Source: restic, internal/backend/sftp/sftp.go; ssh_config(5).
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
