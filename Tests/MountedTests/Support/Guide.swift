import Foundation
import SystemPackage

/// A text for people whose commands a test can run: the blocks of a page in Markdown.
///
///     ```sh              a block that is run
///     ```console         an example; `session` runs the lines that begin with `$ `
///     <!-- test          commands that only the test needs, up to `-->`
///
/// docs/guides/README.md tells readers of this.
struct Guide: Sendable {
  /// The page is not written as a guide has to be.
  struct Malformed: Error, CustomStringConvertible {
    let description: String
  }

  /// The page's path in the repository.
  let path: String
  /// The commands, as a script. The line in the page precedes each block.
  private(set) var script = ""
  /// The commands that console blocks show, as a script.
  private(set) var session = ""

  /// Kinds of blocks that are not run.
  private static let examples: Set = ["console", "ini", "json"]

  /// The page at `path` in the repository.
  init(path: String) throws {
    let text = try String(contentsOfFile: Self.root.appending(path).string, encoding: .utf8)
    try self.init(path: path, text: text)
  }

  /// The page `text`. Throws for a block that is of no known kind or never ends.
  init(path: String, text: String) throws {
    self.path = path
    var kind: String?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      guard let open = kind else {
        kind = try Self.kind(openedBy: line, at: "\(path):\(index + 1)")
        if kind == "sh" || kind == "test" { script += ": \(path):\(index + 1)\n" }
        continue
      }
      if line == (open == "test" ? "-->" : "```") {
        kind = nil
      } else if open == "sh" || open == "test" {
        script += line + "\n"
      } else if open == "console", line.hasPrefix("$ ") {
        session += line.dropFirst(2) + "\n"
      }
    }
    if let kind { throw Malformed(description: "\(path): a block of the kind \(kind) does not end") }
  }

  /// The kind of the block that begins with `line`; nil where none does.
  private static func kind(openedBy line: Substring, at place: String) throws -> String? {
    if line == "<!-- test" { return "test" }
    guard line.drop(while: { $0 == " " }).hasPrefix("```") else { return nil }
    let kind = String(line.dropFirst(3))
    guard line.hasPrefix("```"), kind == "sh" || examples.contains(kind) else {
      throw Malformed(description: "\(place): no such kind of block: \(line)")
    }
    return kind
  }

  /// The repository's own folder.
  static let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    .removingLastComponent()

  /// The names of all guides, without README.
  static let names: [String] = {
    // A folder that is not there has no guides, which a test of its own notices.
    let files = (try? FileManager.default.contentsOfDirectory(atPath: root.appending("docs/guides").string)) ?? []
    return files.filter { $0.hasSuffix(".md") && $0 != "README.md" }.map { String($0.dropLast(3)) }.sorted()
  }()
}
