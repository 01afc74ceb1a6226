import Foundation
import ResticCore
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("PackfileIndex")
struct PackfileIndexTests {
  /// A packfile that git wrote, with git's list of its objects.
  private struct Sample {
    var pack: [UInt8]
    var index: [UInt8]
    var names: [String]
  }

  private static func sample(_ format: ObjectFormat, indexVersion: String) async throws -> Sample {
    let work = try GitCopies()
    let commits = (0..<20).map { GitScript.commit("refs/heads/main", "\($0)") }.joined()
    let names = try await work.run(
      GitScript.create(format: format.rawValue, logsRefs: false) + commits
        + """
        git config pack.indexVersion \(indexVersion.prefix(1))
        git rev-list --objects --all | git pack-objects -q --index-version=\(indexVersion) p >/dev/null
        mv p-*.pack p.pack; mv p-*.idx p.idx
        git show-index --object-format=\(format.rawValue) <p.idx | cut -d' ' -f2
        """, in: "base")
    func bytes(_ name: String) throws -> [UInt8] {
      [UInt8](try Data(contentsOf: URL(fileURLWithPath: work.path("base").appending(name).string)))
    }
    return Sample(
      pack: try bytes("p.pack"), index: try bytes("p.idx"), names: names.split(separator: "\n").map(String.init))
  }

  private static func node(_ bytes: [UInt8], _ fixture: MergeFixture, pieceByteCount: Int = 1 << 20) async throws
    -> Node
  {
    var node = Node(name: "f", type: .file, mode: 0o644, size: UInt64(bytes.count))
    for start in stride(from: 0, to: bytes.count, by: pieceByteCount) {
      let piece = Array(bytes[start..<min(start + pieceByteCount, bytes.count)])
      node.content.append(try await fixture.uploader.add(piece, type: .data))
    }
    return node
  }

  private static func objectName(_ hex: String, _ format: ObjectFormat) -> ObjectName? {
    ObjectName(folder: Name(String(hex.prefix(2))), name: Name(String(hex.dropFirst(2))), format)
  }

  @Test(
    "the ids in an index are those that git lists", arguments: [ObjectFormat.sha1, .sha256], ["1", "2", "2,0x40"])
  func names(_ format: ObjectFormat, _ version: String) async throws {
    let fixture = try await MergeFixture()
    let sample = try await Self.sample(format, indexVersion: version)
    let expected = sample.names.compactMap { Self.objectName($0, format) }
    #expect(expected.count == 60)
    for (pieceByteCount, isKept) in [(1 << 20, true), (1 << 20, false), (100, false), (7, true), (1, false)] {
      let opened = try await PackfileIndex.open(
        Self.node(sample.index, fixture, pieceByteCount: pieceByteCount),
        of: Self.node(sample.pack, fixture, pieceByteCount: pieceByteCount), format, in: fixture.repository,
        isKept: isKept)
      let index = try #require(opened)
      #expect(index.count == 60)
      if pieceByteCount == 1 { continue }
      #expect(try await index.findableNames(of: 0..<256) == expected)
      for firstByte in stride(from: 0, to: 256, by: 16) {
        let range = firstByte..<firstByte + 16
        #expect(try await index.names(of: range) == expected.filter { range.contains(Int($0.firstByte)) })
      }
    }
  }

  @Test("an index that is truncated, longer or changed in any byte is refused, and so is another packfile's")
  func damage() async throws {
    let fixture = try await MergeFixture()
    let sample = try await Self.sample(.sha1, indexVersion: "2")
    let pack = try await Self.node(sample.pack, fixture)
    func isOpened(_ index: [UInt8], of pack: Node, _ format: ObjectFormat = .sha1) async throws -> Bool {
      try await PackfileIndex.open(
        Self.node(index, fixture), of: pack, format, in: fixture.repository, isKept: true) != nil
    }
    #expect(try await isOpened(sample.index, of: pack))
    for count in stride(from: 0, to: sample.index.count, by: 13) {
      #expect(try await !isOpened(Array(sample.index.prefix(count)), of: pack))
    }
    for place in stride(from: 0, to: sample.index.count, by: 7) {
      var index = sample.index
      index[place] ^= 0x41
      #expect(try await !isOpened(index, of: pack), "byte \(place)")
    }
    #expect(try await !isOpened(sample.index + [0], of: pack))
    #expect(try await !isOpened(sample.index, of: pack, .sha256))
    for other in [Array(sample.pack.dropLast()), [], Array(sample.pack.prefix(20)), sample.pack + [0]] {
      #expect(try await !isOpened(sample.index, of: Self.node(other, fixture)))
    }
    var short = pack
    short.size += 1
    #expect(try await !isOpened(sample.index, of: short))
    var missing = pack
    missing.content.append(SHA256.id(of: Array("nowhere".utf8)))
    #expect(try await !isOpened(sample.index, of: missing))
  }

  @Test("invalid fanouts and lengths with a right checksum cause no trap")
  func nonsense() async throws {
    let fixture = try await MergeFixture()
    let sample = try await Self.sample(.sha1, indexVersion: "2")
    let pack = try await Self.node(sample.pack, fixture)
    for place in stride(from: 0, to: sample.index.count - 40, by: 5) {
      for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
        var body = Array(sample.index.dropLast(20))
        body[place] = value
        let hasher = StreamHasher(.sha1)
        hasher.update(body)
        guard
          let index = try await PackfileIndex.open(
            Self.node(body + hasher.finish(), fixture), of: pack, .sha1, in: fixture.repository, isKept: true)
        else { continue }
        let findable = Set(try await index.findableNames(of: 0..<256))
        #expect(findable.isSubset(of: try await index.names(of: 0..<256)))
        #expect(try await index.findableNames(of: 3..<4).allSatisfy { $0.firstByte == 3 })
      }
    }
  }

  @Test("ids that are out of order are not found")
  func order() async throws {
    let fixture = try await MergeFixture()
    let sample = try await Self.sample(.sha1, indexVersion: "2")
    var body = Array(sample.index.dropLast(20))
    let (first, second) = (1032, 1052)
    for offset in 0..<20 { body.swapAt(first + offset, second + offset) }
    let hasher = StreamHasher(.sha1)
    hasher.update(body)
    let opened = try await PackfileIndex.open(
      Self.node(body + hasher.finish(), fixture), of: Self.node(sample.pack, fixture), .sha1, in: fixture.repository,
      isKept: false)
    let index = try #require(opened)
    let names = sample.names.compactMap { Self.objectName($0, .sha1) }
    try #require(names.count == 60)
    let spoilt = Set(names[..<2].map(\.firstByte))
    #expect(try await index.findableNames(of: 0..<256) == names.filter { !spoilt.contains($0.firstByte) })
    #expect(try await Set(index.names(of: 0..<256)) == Set(names))
  }
}
