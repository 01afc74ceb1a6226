/// `HEAD` of the stored repository during a push. If `HEAD` names a branch that does not exist, the push points it to
/// one that does.
struct PushedHead: Sendable {
  private static let branches = "refs/heads/"
  private let reference: [UInt8]?

  /// `head` is the branch that `HEAD` names; nil if it names no branch and is to be left alone.
  init(head: String?) {
    reference = head.map { Array($0.utf8) }
  }

  /// Whether `packet`, which advertises a reference, names the branch that `HEAD` names.
  func isNamed(by packet: Packet) -> Bool {
    guard let reference else { return false }
    let line = packet.line.prefix { $0 != 0 }
    return line.count == reference.count + 41 || line.count == reference.count + 65
      ? line.hasSuffix([UInt8(ascii: " ")] + reference) : false
  }

  /// The branch that `HEAD` is to name after a push whose references `accepted` were stored, if its own branch did not
  /// exist before: the client's current branch if it is among them, otherwise the first. Nil if `HEAD` stays as it is.
  func successor(accepted: [[UInt8]], _ request: PushRequest, clientBranch: () -> String?) -> String? {
    let deleted = Set(request.commands.filter(\.isDeletion).map(\.reference))
    let made = accepted.filter { !deleted.contains($0) && $0.starts(with: Array(Self.branches.utf8)) }
    guard let reference, !made.contains(reference), let first = made.first else { return nil }
    if let own = clientBranch(), made.contains(Array(own.utf8)) { return own }
    return String(decoding: first, as: UTF8.self)
  }

  /// The branch that the client's repository is on; nil if it is on none.
  static func clientBranch(_ environment: ProcessEnvironment) -> String? {
    // If git does not answer, the client counts as on no branch.
    guard let result = try? GitCommand(["symbolic-ref", "-q", "HEAD"], environment: environment).run() else {
      return nil
    }
    return result.isSuccess ? result.line : nil
  }
}

extension ArraySlice<UInt8> {
  fileprivate func hasSuffix(_ suffix: [UInt8]) -> Bool {
    self.suffix(suffix.count).elementsEqual(suffix)
  }
}
