import ResticTestSupport
import Testing

@testable import ResticCore

/// The promise that no decoder of restic's formats traps, whatever the bytes, and that the values which it accepts are sound.
///
/// Truncations, single-bit flips and mutants of real files; the seed stands in every failure (`RESTIC_TEST_SEED` sets
/// it).
@Suite struct MalformedInputTests {
  @Test("a damaged tree is refused or decodes to a tree that survives encoding")
  func tree() throws {
    let samples = [RealTrees.single, RealTrees.empty, try Self.smallTree(), Self.windowsTree]
    let counts = FormatMutator.attack(samples, mutants: 10_000, decode: Tree.decode, encode: { $0.encode() })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged tree with every kind of node is refused or decodes to a tree that survives encoding")
  func largeTree() {
    let mutator = FormatMutator.mutator(of: [RealTrees.kinds])
    for round in 0..<3000 {
      guard let tree = try? Tree.decode(mutator.input(round)) else { continue }
      #expect((try? Tree.decode(tree.encode())) == tree, "mutant \(round) of seed \(FormatMutator.seed)")
    }
  }

  @Test("a damaged snapshot is refused or decodes to a snapshot that survives encoding")
  func snapshot() {
    let samples = RealFiles.snapshots + [SnapshotTests.newSnapshot]
    let counts = FormatMutator.attack(samples, mutants: 10_000, decode: Snapshot.decode, encode: { $0.encode() })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged index is refused or decodes to an index that survives encoding")
  func index() {
    let samples = [RealFiles.plainIndex, Array(#"{"supersedes":[],"packs":[]}"#.utf8)]
    let counts = FormatMutator.attack(samples, mutants: 10_000, decode: IndexFile.decode, encode: { $0.encode() })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged config is refused or decodes to a config that survives encoding")
  func config() {
    let counts = FormatMutator.attack(
      [RealFiles.config], mutants: 5000, decode: Config.decode, encode: { $0.encode() })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged key file is refused or decodes to a key file that survives encoding")
  func keyFile() {
    let counts = FormatMutator.attack(
      [RealFiles.keyFile], mutants: 5000, decode: KeyFile.decode, encode: { $0.encode() })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged lock is refused or decodes to a lock that survives encoding")
  func lockFile() {
    let counts = FormatMutator.attack(
      [RealFiles.lock], mutants: 5000, decode: LockFile.decode, encode: { $0.encode() })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged pack header is refused or decodes to blobs that survive encoding")
  func packHeader() {
    let counts = FormatMutator.attack(
      [RealFiles.plainPackHeader, RealFiles.dataPackHeader], mutants: 10_000,
      decode: PackHeader.decode, encode: PackHeader.encode)
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("a damaged master key is refused or decodes to a key that survives encoding")
  func masterKey() {
    let counts = FormatMutator.attack(
      [RealFiles.masterKeyJSON], mutants: 5000,
      decode: MasterKeyFileTests.decode, encode: { $0.withUnsafeBytes { MasterKeyFile.encode($0) } })
    #expect(counts.accepted > 100 && counts.refused > 100)
  }

  @Test("arrays and objects may nest 64 deep and no deeper")
  func depth() throws {
    func tree(depth: Int) -> [UInt8] {
      // The tree's own object is one level.
      let open = String(repeating: "[", count: depth - 1)
      let close = String(repeating: "]", count: depth - 1)
      return Array("{\"nodes\":null,\"x\":\(open)\(close)}".utf8)
    }
    #expect(try Tree.decode(tree(depth: 64)).nodes.isEmpty)
    #expect(throws: FormatError.self) { try Tree.decode(tree(depth: 65)) }
    let endless = Array(String(repeating: "{\"nodes\":[", count: 100_000).utf8)
    #expect(throws: FormatError.self) { try Tree.decode(endless) }
  }

  @Test("the attack finds a decoder whose values do not survive encoding")
  func attackBites() {
    withKnownIssue {
      _ = FormatMutator.attack(
        [RealFiles.config], mutants: 10, decode: Config.decode,
        encode: { Config(version: $0.version &+ 1, id: $0.id, chunkerPolynomial: $0.chunkerPolynomial).encode() })
    }
  }

  private static func smallTree() throws -> [UInt8] {
    let wanted: Set<Name> = ["hello", "link1", "link4", "chr", "empty"]
    return Tree(nodes: try Tree.decode(RealTrees.kinds).nodes.filter { wanted.contains($0.name) }).encode()
  }

  /// A node as restic 0.17 writes it on Windows, and one of a version to come.
  static let windowsTree = Array(
    #"""
    {"nodes":[{"name":"a","type":"file","mode":438,"mtime":"2024-01-02T03:04:05.6Z","atime":"2024-01-02T03:04:05.6Z","ctime":"2024-01-02T03:04:05.6Z","uid":0,"gid":0,"generic_attributes":{"windows.file_attributes":32,"windows.creation_time":"AAE="},"content":[]},{"name":"b","type":"irregular","mtime":"2024-01-02T03:04:05Z","atime":"2024-01-02T03:04:05Z","ctime":"2024-01-02T03:04:05Z","uid":0,"gid":0,"content":null,"error":"odd","later":[1.5e3,{"x":null}]}]}

    """#.utf8)
}
