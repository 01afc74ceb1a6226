import MessageText

/// What the doctor found out about one subject.
struct DoctorCheck: Hashable, Sendable, Encodable {
  enum Verdict: String, Encodable, Sendable {
    case ok
    /// It works, but something may fail.
    case warning
    /// It must be fixed before mounts work.
    case fail
  }

  /// The subject: one or two words.
  let name: String
  let verdict: Verdict
  let message: String
  /// What to do; nil if nothing needs to be done.
  let advice: String?

  private init(_ verdict: Verdict, _ name: String, _ message: String, _ advice: String?) {
    (self.verdict, self.name, self.message, self.advice) = (verdict, name, message, advice)
  }

  /// A check of `name` that found no problem.
  static func ok(_ name: String, _ message: String) -> DoctorCheck { DoctorCheck(.ok, name, message, nil) }

  /// A check of something that may fail.
  static func warning(_ name: String, _ message: String, advice: String) -> DoctorCheck {
    DoctorCheck(.warning, name, message, advice)
  }

  /// A check of something that does not work.
  static func fail(_ name: String, _ message: String, advice: String) -> DoctorCheck {
    DoctorCheck(.fail, name, message, advice)
  }

  /// The check as one line of printable text.
  var line: String {
    let word = verdict == .fail ? "FAIL" : verdict.rawValue
    func padded(_ text: String, _ width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    let text = "\(padded(word, 7))  \(padded(name, 17))  \(message)" + (advice.map { ": \($0)" } ?? "")
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: " ").printable
  }
}
