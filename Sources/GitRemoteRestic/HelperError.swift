/// Why the helper could not do what git requested: one line for a person.
struct HelperError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What went wrong and what to do next, without the program's name; nil if another program has already said it.
  let message: String?

  /// A failure with `message`.
  init(_ message: String) {
    self.message = message
  }

  private init() {
    message = nil
  }

  /// A failure that needs no further words.
  static let silent = HelperError()

  var description: String { message ?? "failed" }
}
