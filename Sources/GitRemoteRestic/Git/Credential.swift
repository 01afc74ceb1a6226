import Glibc

/// The password of a repository as git's credential helpers know it, the terminal and GIT_ASKPASS at their end.
///
/// The protocol is `restic`, host and path are those of the location, and the user name, which git would ask for
/// otherwise, is always `restic`. Source: git-credential(1).
struct Credential: Sendable {
  private static let userName = "restic"
  private let environment: ProcessEnvironment
  /// What git filled in, password included, for `approve` and `reject`.
  private var description: [UInt8]
  /// Where the password lies in it.
  private let password: Range<Int>

  /// Asks git for the password of `location`.
  static func fill(for location: RemoteLocation, environment: ProcessEnvironment) throws(HelperError) -> Credential {
    let place = location.credentialPlace
    let question = "protocol=restic\nhost=\(place.host)\npath=\(place.path)\nusername=\(userName)\n\n"
    var result = try GitCommand(["credential", "fill"], environment: environment).run(input: Array(question.utf8))
    guard result.isSuccess else {
      let reason = result.errorOutput.split(separator: "\n").last.map { ": \($0)" } ?? ""
      throw HelperError(
        "no password for \(location): set RESTIC_PASSWORD, RESTIC_PASSWORD_FILE or RESTIC_PASSWORD_COMMAND, "
          + "or use a git credential helper\(reason)")
    }
    let key = Array("password=".utf8)
    guard let start = result.output.firstRange(ofLine: key) else {
      wipe(&result.output)
      throw HelperError("git's credential helpers gave no password for \(location)")
    }
    let end = result.output[start...].firstIndex(of: UInt8(ascii: "\n")) ?? result.output.endIndex
    defer { wipe(&result.output) }
    return Credential(environment: environment, description: result.output, password: start..<end)
  }

  /// The password and a newline, as the program for mounts reads it from its standard input. To be wiped.
  var line: [UInt8] { description[password] + [UInt8(ascii: "\n")] }

  /// Tells the helpers that it was right: they may store it.
  func approve() {
    tell("approve")
  }

  /// Tells the helpers that it was wrong: they forget it.
  func reject() {
    tell("reject")
  }

  /// Overwrites the password.
  mutating func wipe() {
    Self.wipe(&description)
  }

  /// A helper that cannot store or forget has told so itself; the repository is open all the same.
  private func tell(_ operation: String) {
    _ = try? GitCommand(["credential", operation], environment: environment).run(input: description)
  }

  /// Overwrites and empties `bytes`.
  static func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { memory in
      if let start = memory.baseAddress { explicit_bzero(start, memory.count) }
    }
    bytes = []
  }
}

extension [UInt8] {
  /// Where what follows `prefix` begins, on the first line that begins with it.
  fileprivate func firstRange(ofLine prefix: [UInt8]) -> Int? {
    var start = startIndex
    while start < endIndex {
      if self[start...].starts(with: prefix) { return start + prefix.count }
      guard let end = self[start...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
      start = end + 1
    }
    return nil
  }
}
