/// What is shown in the place of a configuration file of git's: those of its variables that can do no harm
/// (`SafeVariable`), written anew. So nothing is included, nothing is run, and no other place is used, by any git.
struct SafeConfiguration: Hashable, Sendable {
  /// A larger file is not read.
  static let byteLimit: UInt64 = 256 << 10
  /// Up to so many variables are named in a message.
  private static let wrongLimit = 100
  private static let heading = "# Shown by restic-gitfs instead of the stored file, without commands and paths.\n"

  /// The text that is shown.
  let text: [UInt8]

  /// Why there is none.
  struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with the file: goes behind its name.
    let description: String
  }

  /// What is shown of `stored`.
  ///
  /// A variable on the list whose value git would refuse is a failure: to leave it out might allow what it forbids. So is
  /// an extension that nobody knows: it may change what the files mean.
  init(of stored: [UInt8]) throws(Failure) {
    let entries: [GitConfigurationText.Entry]
    do {
      entries = try GitConfigurationText(stored).entries
    } catch {
      switch error {
      case .syntax(let line): throw Failure(description: "is not a configuration that git can read: line \(line)")
      case .encoding: throw Failure(description: "is not UTF-8 text")
      }
    }
    let version = entries.last { $0.section == "core" && $0.key == "repositoryformatversion" }?.value
    var text = Self.heading
    var wrong: [String] = []
    for entry in entries {
      let name = Self.name(entry)
      guard let kind = SafeVariable.kind(of: entry.section, entry.subsection, entry.key) else {
        let isExtension = entry.section == "extensions" && entry.subsection == nil
        guard !isExtension || version ?? "0" == "0" || SafeVariable.droppedExtensions.contains(entry.key) else {
          throw Failure(description: "has the extension \(name), which this program does not know")
        }
        continue
      }
      if let value = SafeVariable.shown(entry.value, as: kind) {
        text += "[\(Self.heading(entry))]\n\t\(entry.key) = \(Self.quoted(value))\n"
      } else if wrong.count < Self.wrongLimit {
        wrong.append(name)
      }
    }
    guard wrong.isEmpty else {
      throw Failure(description: "has values that git does not accept for \(wrong.joined(separator: ", "))")
    }
    self.text = Array(text.utf8)
  }

  private static func heading(_ entry: GitConfigurationText.Entry) -> String {
    entry.subsection.map { "\(entry.section) \(quoted($0))" } ?? entry.section
  }

  /// For a message.
  private static func name(_ entry: GitConfigurationText.Entry) -> String {
    [entry.section, entry.subsection, entry.key].compactMap { $0 }.joined(separator: ".").filter {
      $0.isASCII && !$0.isNewline && $0.asciiValue.map { $0 >= 0x20 && $0 != 0x7F } ?? false
    }
  }

  /// Neither holds a newline: the reader takes none into a subsection, and no kind of value allows one.
  private static func quoted(_ text: String) -> String {
    "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }
}
