internal import Glibc

extension ChildService.End {
  /// The failure of the requests that were under way: what happened to the program, and its last words. `firstWords`:
  /// what the program wrote first instead of HTTP/2; nil if it had answered before.
  func failure(_ loss: PipeConnection.Loss, of command: ServiceCommand, firstWords: String?) -> HTTPFailure {
    func message(_ event: String) -> String { lastWords.isEmpty ? event : "\(event): \(lastWords)" }

    guard let firstWords else { return .interrupted(message(event(loss, of: command))) }
    switch loss {
    case .ended where wasInterrupted, .unused where wasInterrupted:
      return .refused(message("\(command.name) was interrupted"))
    case .ended, .unused: return .unreachable(message("\(command.name) ended before it answered\(way)"))
    case .confused:
      let words = command.withoutSecrets(firstWords)
      return .unreachable(message("\(command.name) answers \"\(words)\" instead of HTTP/2"))
    case .stuck(let limit):
      return .unreachable(message("\(command.name) has not begun to answer within \(limit.components.seconds) s"))
    }
  }

  /// What happened to a program that had answered before.
  private func event(_ loss: PipeConnection.Loss, of command: ServiceCommand) -> String {
    switch loss {
    case .ended, .unused: "\(command.name) ended\(way)"
    case .confused: "\(command.name) closed the connection"
    case .stuck(let limit): "\(command.name) has sent and taken nothing for \(limit.components.seconds) s"
    }
  }

  /// Whether a person pressed Ctrl-C while the program had the terminal. Shells report that as 130.
  private var wasInterrupted: Bool {
    hadTerminal && (status == .killed(signal: SIGINT) || status == .exited(130))
  }

  /// ` (exit code 1)`
  private var way: String {
    switch status {
    case .exited(let code): " (exit code \(code))"
    case .killed(let signal): " (signal \(signal))"
    case nil: ""
    }
  }
}
