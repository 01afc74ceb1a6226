import MessageText

/// What the doctor found out about one thing.
struct DoctorCheck: Hashable, Sendable, Encodable {
  /// How it is.
  enum Verdict: String, Encodable, Sendable {
    case ok
    /// It works; something may not.
    case warning
    /// It has to be mended before mounts work.
    case fail
  }

  /// What was looked at: a word or two.
  let name: String
  /// How it is.
  let verdict: Verdict
  /// What was found.
  let message: String
  /// What to do; nil where nothing has to be done.
  let advice: String?

  private init(_ verdict: Verdict, _ name: String, _ message: String, _ advice: String?) {
    (self.verdict, self.name, self.message, self.advice) = (verdict, name, message, advice)
  }

  /// All is well with `name`.
  static func ok(_ name: String, _ message: String) -> DoctorCheck { DoctorCheck(.ok, name, message, nil) }

  /// Something may not work.
  static func warning(_ name: String, _ message: String, advice: String) -> DoctorCheck {
    DoctorCheck(.warning, name, message, advice)
  }

  /// Something does not work.
  static func fail(_ name: String, _ message: String, advice: String) -> DoctorCheck {
    DoctorCheck(.fail, name, message, advice)
  }

  /// One line of printable text.
  var line: String {
    let word = verdict == .fail ? "FAIL" : verdict.rawValue
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    let text = "\(padded(word, 7))  \(padded(name, 17))  \(message)" + (advice.map { ": \($0)" } ?? "")
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: " ").printable
  }
}
