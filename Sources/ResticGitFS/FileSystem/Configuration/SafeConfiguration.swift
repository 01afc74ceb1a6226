/// The text that is shown instead of a git configuration file: the variables that can do no harm (`SafeVariable`),
/// written anew. So no git includes another file, runs a program or uses another place because of it.
struct SafeConfiguration: Hashable, Sendable {
  /// The size limit of a file that is read.
  static let byteLimit: UInt64 = 256 << 10
  /// How many variables a message names.
  private static let wrongLimit = 100
  private static let heading = "# Shown by restic-gitfs instead of the stored file, without commands and paths.\n"

  /// The text that is shown.
  let text: [UInt8]

  /// Why there is no text.
  struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with the file; the message puts the file's name before it.
    let description: String
  }

  /// The text to show for `stored`.
  ///
  /// A listed variable with a value that git would refuse is a failure: leaving it out might allow what it forbids. So
  /// is an unknown extension: it may change what the files mean.
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

  /// The variable's name for a message.
  private static func name(_ entry: GitConfigurationText.Entry) -> String {
    [entry.section, entry.subsection, entry.key].compactMap { $0 }.joined(separator: ".").filter {
      $0.isASCII && !$0.isNewline && $0.asciiValue.map { $0 >= 0x20 && $0 != 0x7F } ?? false
    }
  }

  /// Neither contains a newline: the reader accepts none in a subsection, and no kind of value allows one.
  private static func quoted(_ text: String) -> String {
    "\"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
  }
}
