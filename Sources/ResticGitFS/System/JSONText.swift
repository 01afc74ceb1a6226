import FoundationEssentials

/// The output of `--json`: one line, members in a fixed order, slashes unescaped.
enum JSONText {
  /// `value` as one line without a newline.
  static func line(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return String(decoding: try encoder.encode(value), as: UTF8.self)
    } catch {
      preconditionFailure("our own values can be written as JSON: \(error)")
    }
  }
}
