import Glibc
import Platform
import SystemPackage

/// What a client knows of a stored repository: objects from which everything is there, as long as certain packs are.
///
/// It is a file in the client's git folder, `restic/complete-HASH`, with nothing but names of objects and packs. It only
/// saves work: without it a push looks at everything.
struct CompletenessRecord: Hashable, Sendable {
  /// More of them save nothing.
  private static let tipLimit = 256
  private static let heading = "restic-gitfs complete 1"
  private static let end = "end"

  /// Objects that are complete, in hex; the latest first.
  let tips: [String]
  /// The packs that hold them and all that they reach.
  let packs: StoredPacks

  init(tips: [String], packs: StoredPacks) {
    var seen: Set<String> = []
    self.tips = Array(tips.filter { seen.insert($0).inserted }.prefix(Self.tipLimit))
    self.packs = packs
  }

  /// Whether it is true of a repository with `packs`.
  func isValid(for packs: StoredPacks?) -> Bool {
    packs.map { self.packs.lines.isSubset(of: $0.lines) } ?? false
  }

  /// As a file for `key`.
  func encoded(for key: [String]) -> String {
    let lines =
      key.map { "key \(Self.escaped($0))" } + packs.lines.sorted().map { "pack \($0)" } + tips.map { "tip \($0)" }
    return ([Self.heading] + lines + [Self.end, ""]).joined(separator: "\n")
  }

  /// From a file; nil unless it is whole and for `key`.
  init?(parsing text: String, key: [String]) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.first == Self.heading[...], lines.suffix(2) == [Self.end[...], ""] else {
      return nil
    }
    var (keys, packs, tips): ([Substring], Set<String>, [String]) = ([], [], [])
    for line in lines.dropFirst().dropLast(2) {
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
      switch words.first {
      case "key" where words.count == 2: keys.append(words[1])
      case "pack" where words.count == 2: packs.insert(String(words[1]))
      case "tip" where words.count == 2 && words[1].allSatisfy(\.isHexDigit): tips.append(String(words[1]))
      default: return nil
      }
    }
    guard keys == key.map({ Self.escaped($0)[...] }) else { return nil }
    self.init(tips: tips, packs: StoredPacks(lines: packs))
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
  }
}

extension CompletenessRecord {
  /// Where the record of one stored repository is.
  struct Place: Sendable {
    private static let byteLimit = 16 << 20
    private let folder: FilePath
    private let key: [String]

    /// In the client's `gitFolder`, for the stored repository that `key` tells from others.
    init(gitFolder: FilePath, key: [String]) {
      folder = gitFolder.appending("restic")
      self.key = key
    }

    /// The file of this key; the key is in it, too.
    private var file: FilePath {
      // FNV-1a.
      let hash = key.joined(separator: "\0").utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01B3
      }
      return folder.appending("complete-\(String(hash, radix: 16))")
    }

    /// What is known; nil where nothing is.
    func load() -> CompletenessRecord? {
      // Whatever is wrong: then there is more to look at.
      guard
        let descriptor = try? FileDescriptor.open(file, .readOnly, options: [.closeOnExec, .noFollow, .nonBlocking])
      else { return nil }
      defer { descriptor.closeQuietly() }
      var attributes = stat()
      guard fstat(descriptor.rawValue, &attributes) == 0, attributes.st_mode & S_IFMT == S_IFREG,
        attributes.st_size <= Self.byteLimit
      else { return nil }
      return CompletenessRecord(parsing: String(decoding: descriptor.readAll(), as: UTF8.self), key: key)
    }

    /// Replaces what is known, if that can be done.
    func save(_ record: CompletenessRecord) {
      let text = Array(record.encoded(for: key).utf8)
      guard text.count <= Self.byteLimit else { return }
      _ = folder.withPlatformString { mkdir($0, 0o777) }
      let new = folder.appending("tmp-\(getpid())")
      do {
        let descriptor = try FileDescriptor.open(
          new, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow], permissions: .ownerReadWrite)
        defer { descriptor.closeQuietly() }
        try descriptor.writeAll(text)
        let isThere = new.withPlatformString { new in file.withPlatformString { rename(new, $0) } } == 0
        if !isThere { _ = new.withPlatformString { unlink($0) } }
      } catch {
        // The next push looks at more.
        _ = new.withPlatformString { unlink($0) }
      }
    }
  }
}
