import ResticCore

/// Who was late, and when: the part of a name that distinguishes our version from theirs.
struct ConflictLabel: Hashable, Sendable {
  /// The host, reduced to characters that names of files and refs can contain.
  let host: String
  /// The second, in UTC and without separators: `20260102T030405Z`.
  let time: String

  /// The label of `host` (any text) at that time.
  init(host: String, time: Timestamp) {
    let text = Timestamp(seconds: time.seconds, nanoseconds: 0).rfc3339
    self.time = text.filter { $0 != "-" && $0 != ":" }
    self.host = Self.sanitized(host)
  }

  /// The name under which our version is kept beside their file: `NAME.conflict-HOST-TIME`, with a number if `isTaken`
  /// knows that name. Shortened to fit into a file system.
  /// it a name which `isTaken` doesn't know. Cut so that a file system takes it.
  func name(beside name: Name, isTaken: (Name) -> Bool) -> Name {
    var number = 1
    while true {
      let suffix = Array(".conflict-\(host)-\(time)\(number == 1 ? "" : "-\(number)")".utf8)
      let candidate = Name(name.bytes.prefix(255 - suffix.count) + suffix)
      if !isTaken(candidate) { return candidate }
      number += 1
    }
  }

  /// Only letters, digits, `-`, `_` and single dots inside: valid in any ref, git-check-ref-format(1).
  private static func sanitized(_ host: String) -> String {
    var text = ""
    for character in host.unicodeScalars.prefix(64) {
      let isPlain = character.isASCII && (character.properties.isAlphabetic || ("0"..."9").contains(character))
      if isPlain || character == "_" || character == "." && !text.isEmpty && !text.hasSuffix(".") {
        text.unicodeScalars.append(character)
      } else {
        text += "-"
      }
    }
    while text.hasSuffix(".") { text.removeLast() }
    if text.hasSuffix(".lock") { text += "-" }
    return text.isEmpty ? "unknown" : text
  }
}
