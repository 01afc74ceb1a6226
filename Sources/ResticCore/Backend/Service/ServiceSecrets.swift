/// The parts of a program's arguments that no message may show, in every form in which the program may print them.
struct ServiceSecrets: Hashable, Sendable {
  /// Longest first, because a shorter one may be part of a longer one.
  private let forms: [String]

  /// Shorter values are not secret, and would match everywhere.
  private static let shortestByteCount = 4

  /// `texts`, as they are and as Go's %q prints them.
  init(_ texts: [String] = []) {
    let written = texts.flatMap { text in
      [text, text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")]
    }
    forms = Set(written.filter { $0.utf8.count >= Self.shortestByteCount }).sorted { left, right in
      (right.utf8.count, left) < (left.utf8.count, right)
    }
  }

  /// `text` with `***` instead of the secrets. `isCut`: the text continues, so that it may end with the beginning of a
  /// secret.
  func hidden(in text: String, isCut: Bool = false) -> String {
    let shown = forms.reduce(text) { $0.replacing($1, with: "***") }
    guard isCut else { return shown }
    let bytes = Array(shown.utf8)
    let tail = forms.map { Self.overlap(Array($0.utf8), bytes) }.max() ?? 0
    return tail == 0 ? shown : String(decoding: bytes.dropLast(tail), as: UTF8.self) + "***"
  }

  /// How many bytes at the end of `text` are the beginning of `secret`.
  private static func overlap(_ secret: [UInt8], _ text: [UInt8]) -> Int {
    let lengths = (1...max(1, min(secret.count, text.count))).reversed()
    return lengths.first { text.suffix($0).elementsEqual(secret.prefix($0)) } ?? 0
  }
}
