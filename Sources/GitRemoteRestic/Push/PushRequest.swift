/// What a client asks receive-pack for: the list of commands, up to its flush packet. Source: gitprotocol-pack(5).
struct PushRequest: Hashable, Sendable {
  /// One reference to change.
  struct Command: Hashable, Sendable {
    /// The reference's name, in bytes as git has it.
    let reference: [UInt8]
    /// The object that the reference named before, in hex; zeros: the reference did not exist.
    let old: [UInt8]
    /// The object that the reference is to name, in hex; zeros: the reference is to be deleted.
    let new: [UInt8]

    var isDeletion: Bool { Self.isZero(new) }
    var isCreation: Bool { Self.isZero(old) }

    private static func isZero(_ objectID: [UInt8]) -> Bool { objectID.allSatisfy { $0 == UInt8(ascii: "0") } }
  }

  /// The commands, in the order in which they came.
  private(set) var commands: [Command] = []
  /// The capabilities that the client chose from the server's offer.
  private(set) var capabilities: Set<String> = []

  /// Adds the next packet of the list.
  mutating func add(_ packet: Packet) {
    var line = packet.line
    if let zero = line.firstIndex(of: 0) {
      if capabilities.isEmpty {
        capabilities = Set(String(decoding: line[(zero + 1)...], as: UTF8.self).split(separator: " ").map(String.init))
      }
      line = line[..<zero]
    }
    if let command = Self.command(line) { commands.append(command) }
  }

  /// The objects that `references` are to name, in hex, without those of deletions.
  func values(of references: Set<[UInt8]>) -> [String] {
    commands.filter { references.contains($0.reference) && !$0.isDeletion }.map {
      String(decoding: $0.new, as: UTF8.self)
    }
  }

  /// Whether the report comes in bands.
  var usesSideBand: Bool { capabilities.contains("side-band-64k") }
  /// Whether the client wants a report at all.
  var wantsReport: Bool { capabilities.contains("report-status") || capabilities.contains("report-status-v2") }
  /// Whether the server must accept all commands or none.
  var isAtomic: Bool { capabilities.contains("atomic") }
  /// Whether the client wants no progress.
  var isQuiet: Bool { capabilities.contains("quiet") }

  /// Parses OLD NEW REFERENCE; the lines of a signed push look the same. Returns nil for other lines, above all
  /// `shallow`.
  private static func command(_ line: ArraySlice<UInt8>) -> Command? {
    let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, isObjectID(words[0]), isObjectID(words[1]), !words[2].isEmpty else { return nil }
    return Command(reference: Array(words[2]), old: Array(words[0]), new: Array(words[1]))
  }

  private static func isObjectID(_ word: ArraySlice<UInt8>) -> Bool {
    (word.count == 40 || word.count == 64)
      && word.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
