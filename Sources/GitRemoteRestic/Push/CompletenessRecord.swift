import SystemPackage

/// What a client knows about a stored repository: objects from which everything reachable is stored, as long as certain
/// packs are, or other packs with the same objects.
///
/// The record is a file in the client's git folder, `restic/complete-HASH`, which holds only names of objects and
/// packs. It only saves work: without it, a push checks everything.
struct CompletenessRecord: Hashable, Sendable {
  /// More tips would save no more work.
  private static let tipLimit = 256
  private static let heading = "restic-gitfs complete 1"
  private static let end = "end"

  /// Objects that are complete, in hex, the latest first.
  let tips: [String]
  /// The packs that hold the tips and everything reachable from them. `KnownObjects` records which objects each of
  /// these packs held.
  let packs: StoredPacks

  init(tips: [String], packs: StoredPacks) {
    var seen: Set<String> = []
    self.tips = Array(tips.filter { seen.insert($0).inserted }.prefix(Self.tipLimit))
    self.packs = packs
  }

  /// Whether the record holds for a repository with `packs`: all of the record's packs are in it.
  func isValid(for packs: StoredPacks?) -> Bool {
    packs.map { self.packs.lines.isSubset(of: $0.lines) } ?? false
  }

  /// The content of the file for `key`.
  func encoded(for key: [String]) -> String {
    let lines =
      key.map { "key \(Self.escaped($0))" } + packs.lines.sorted().map { "pack \($0)" } + tips.map { "tip \($0)" }
    return ([Self.heading] + lines + [Self.end, ""]).joined(separator: "\n")
  }

  /// Parses the content of a file; nil unless it is complete and is for `key`.
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

    /// The record in the client's `gitFolder` for the stored repository that `key` identifies.
    init(gitFolder: FilePath, key: [String]) {
      folder = gitFolder.appending("restic")
      self.key = key
    }

    /// The key's hash for file names. The record holds the key itself, too.
    private var hash: String {
      // FNV-1a.
      let hash = key.joined(separator: "\0").utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01B3
      }
      return String(hash, radix: 16)
    }

    /// Returns the record; nil if there is none.
    func load() -> CompletenessRecord? {
      ClientFile.load(folder.appending("complete-\(hash)"), limit: Self.byteLimit).flatMap { bytes in
        CompletenessRecord(parsing: String(decoding: bytes, as: UTF8.self), key: key)
      }
    }

    /// Replaces the record. Does nothing if that fails.
    func save(_ record: CompletenessRecord) {
      let text = Array(record.encoded(for: key).utf8)
      guard text.count <= Self.byteLimit else { return }
      ClientFile.replace("complete-\(hash)", in: folder, with: text)
    }

    /// Removes the record. Does nothing if that fails.
    func remove() {
      ClientFile.remove(folder.appending("complete-\(hash)"))
    }

    /// Which objects each pack is known to hold.
    var objects: KnownObjects { KnownObjects(folder: folder.appending("objects-\(hash)")) }
  }
}
