/// A repository on one of rclone's remotes, as written after `rclone:`, in rclone's own syntax.
///
///     remote:path   remote,option=value:path   :type,option=value:path   /path
///
/// Options in it may be secrets: no message or log line shows them. The list of processes does, while rclone runs.
/// Source: restic, internal/backend/rclone/config.go; rclone, fs/fspath.
public struct RcloneLocation: Hashable, Sendable, CustomStringConvertible {
  /// The location as rclone gets it.
  let remote: String
  /// The options of a remote: `,pass=x,host=y`; empty if there are none.
  let parameters: String

  /// The location that `text` spells.
  init(_ text: String) throws(BackendLocationError) {
    func malformed(_ reason: String) -> BackendLocationError { .malformed(scheme: "rclone", reason) }

    guard !text.isEmpty else { throw malformed("give a remote, for example rclone:mycloud:bucket/path") }
    // rclone would interpret it as an option.
    guard !text.hasPrefix("-") else { throw malformed("a remote cannot begin with -; write a folder as ./-x") }
    guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { throw malformed("it contains a control character") }
    remote = text
    parameters = Self.parameters(of: text)
  }

  /// The location without the values of options: `rclone:remote,***:path`.
  public var description: String {
    guard !parameters.isEmpty, let range = remote.firstRange(of: parameters) else { return "rclone:\(remote)" }
    return "rclone:\(remote[..<range.lowerBound]),***\(remote[range.upperBound...])"
  }

  /// Texts that no message may show: the options and their values, as written and without quotes.
  var secrets: [String] {
    var options = [""]
    var quote: Character?
    for character in parameters {
      if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
      }
      if character == ",", quote == nil {
        options.append("")
      } else {
        options[options.count - 1].append(character)
      }
    }
    let values = options.compactMap { option in
      option.firstIndex(of: "=").map { String(option[option.index(after: $0)...]) }
    }
    return [parameters] + values + values.map(Self.unquoted)
  }

  /// `text` without the quotes around it; a quote in it is doubled.
  private static func unquoted(_ text: String) -> String {
    guard let quote = text.first, quote == "\"" || quote == "'" else { return text }
    var inner = text.dropFirst()
    if inner.last == quote { inner = inner.dropLast() }
    return String(inner.replacing("\(quote)\(quote)", with: "\(quote)"))
  }

  /// The text between the first comma and the colon that ends the remote's name. Values may be quoted; a quote in them
  /// is doubled. If there is no such colon, everything counts.
  private static func parameters(of text: String) -> String {
    // A colon at the beginning is followed by a type; the first comma in a path does not belong to a remote.
    let name = text.dropFirst(text.hasPrefix(":") ? 1 : 0)
    let nameEnd = name.firstIndex { ":,/".contains($0) } ?? text.endIndex
    guard nameEnd < text.endIndex, text[nameEnd] == "," else { return "" }
    var quote: Character?
    for index in text[nameEnd...].indices {
      let character = text[index]
      if character == quote {
        quote = nil
      } else if quote == nil, character == "\"" || character == "'" {
        quote = character
      } else if quote == nil, character == ":" {
        return String(text[nameEnd..<index])
      }
    }
    return String(text[nameEnd...])
  }
}
