import Glibc
import Platform
import SystemPackage

/// Reads commits through one `git cat-file --batch`, which lives until `end`: a process for each commit would cost a
/// hundred times as much. Not safe from several threads at once; blocks its thread.
///
/// Source: git-cat-file(1), "BATCH OUTPUT".
final class CommitReader {
  /// A commit without its message.
  struct Commit: Hashable, Sendable {
    /// Its id in hexadecimal digits.
    let id: String
    let parents: [String]
    /// When it was committed, in seconds since 1970; 0 if the commit does not say.
    let time: Int64
  }

  /// A commit whose lines before the message are longer than this is not read: it would have 20,000 parents.
  private static let headerByteLimit = 1 << 20

  private let child: ChildProcess
  private let input: FileDescriptor
  private let output: FileDescriptor
  private var buffer = [UInt8](repeating: 0, count: 65536)
  /// The bytes of `buffer` that were read from git and not used yet.
  private var unread = 0..<0
  /// Whether git has ended: no more commits can be read.
  private(set) var isOver = false

  /// Starts `program`, which ends with this process.
  init(
    _ program: String, _ arguments: [String], variables: ChildProcess.Variables?
  ) throws(Errno) {
    let pipes = try Pipe.several(2)
    do throws(Errno) {
      defer { for end in [pipes[0].readEnd, pipes[1].writeEnd] { end.closeQuietly() } }
      // A commit that is missing on the way is an answer, and no message.
      child = try ChildProcess.start(
        program, arguments, variables: variables, files: [2: "/dev/null"],
        descriptors: [(0, pipes[0].readEnd), (1, pipes[1].writeEnd)], signals: .unblocked, endsWith: .ofProcess)
    } catch {
      for end in [pipes[0].writeEnd, pipes[1].readEnd] { end.closeQuietly() }
      throw error
    }
    (input, output) = (pipes[0].writeEnd, pipes[1].readEnd)
  }

  /// The commit to which the object `id` leads; nil if it leads to none, or if something on the way is missing or
  /// damaged.
  func commit(_ id: String) -> Commit? {
    guard !isOver else { return nil }
    do {
      // The caller's thread blocks SIGPIPE, or the process ignores it.
      _ = try input.writeAll(Array("\(id)^{commit}\n".utf8))
    } catch {
      isOver = true
      return nil
    }
    guard let line = line() else { return nil }
    let words = line.split(separator: " ").map(String.init)
    // `ID missing`, `ID ambiguous` and the like have no content.
    guard words.count == 3, words[1] == "commit", let byteCount = Int(words[2]) else { return nil }
    return content(byteCount).map { Self.parse($0, id: words[0]) }
  }

  /// Ends git and waits for its end.
  func end() {
    input.closeQuietly()
    output.closeQuietly()
    child.wait()
  }

  /// What stands before the message of a commit of `byteCount` bytes; nil if it is too long or git ends before.
  private func content(_ byteCount: Int) -> [UInt8]? {
    var header: [UInt8] = []
    var isHeader = true
    // A line feed follows the content.
    var left = byteCount + 1
    while left > 0 {
      guard let piece = piece(left) else { return nil }
      left -= piece.count
      guard isHeader else { continue }
      let start = max(header.count - 1, 0)
      header += piece
      if let end = Self.endOfHeader(header, from: start) {
        header.removeSubrange(end...)
        isHeader = false
      } else if header.count > Self.headerByteLimit {
        header = []
        isHeader = false
      }
    }
    return header.isEmpty ? nil : header
  }

  private static func endOfHeader(_ bytes: [UInt8], from start: Int) -> Int? {
    let feed = UInt8(ascii: "\n")
    return bytes.indices[start...].dropLast().first { bytes[$0] == feed && bytes[$0 + 1] == feed }
  }

  private static func parse(_ header: [UInt8], id: String) -> Commit {
    var parents: [String] = []
    var time: Int64 = 0
    for line in header.split(separator: UInt8(ascii: "\n")) {
      if line.starts(with: "parent ".utf8) {
        parents.append(String(decoding: line.dropFirst("parent ".utf8.count), as: UTF8.self))
      } else if line.starts(with: "committer ".utf8) {
        // NAME <ADDRESS> SECONDS ZONE
        let words = line.split(separator: UInt8(ascii: " "))
        time = words.dropLast().last.flatMap { Int64(String(decoding: $0, as: UTF8.self)) } ?? 0
        // What follows are signatures and other members, which may hold lines of any kind.
        break
      }
    }
    return Commit(id: id, parents: parents, time: time)
  }

  // MARK: The pipe

  /// The next line without its line feed; nil at the end.
  private func line() -> String? {
    var line: [UInt8] = []
    while true {
      guard !unread.isEmpty || fill() else { return nil }
      if let end = buffer[unread].firstIndex(of: UInt8(ascii: "\n")) {
        line += buffer[unread.lowerBound..<end]
        unread = end + 1..<unread.upperBound
        return String(decoding: line, as: UTF8.self)
      }
      line += buffer[unread]
      unread = 0..<0
      // No line of git's is that long.
      guard line.count < 4096 else {
        isOver = true
        return nil
      }
    }
  }

  /// The next bytes, at most `limit`; nil at the end.
  private func piece(_ limit: Int) -> ArraySlice<UInt8>? {
    guard !unread.isEmpty || fill() else { return nil }
    let piece = buffer[unread].prefix(limit)
    unread = piece.endIndex..<unread.upperBound
    return piece
  }

  private func fill() -> Bool {
    // An error ends the pipe as its end does.
    let count = (try? buffer.withUnsafeMutableBytes { try output.read(into: $0) }) ?? 0
    unread = 0..<count
    if count == 0 { isOver = true }
    return count > 0
  }
}
