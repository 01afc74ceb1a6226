import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import GitRemoteRestic

@Suite("A client's record of complete packs")
struct CompletenessRecordTests {
  private static let packs = StoredPacks(lines: ["pack-1.pack 10", "pack-1.idx 20"])
  private static let key = ["local:/a\nb", "--tag=x y"]

  @Test("the record is read back as written, for the same repository only")
  func roundTrip() throws {
    let folder = try TemporaryDirectory()
    let record = CompletenessRecord(tips: ["ab", "cd", "ab"], packs: Self.packs)
    let place = CompletenessRecord.Place(gitFolder: folder.path, key: Self.key)
    #expect(place.load() == nil)
    place.save(record)
    place.save(record)
    #expect(place.load() == record && record.tips == ["ab", "cd"])
    #expect(CompletenessRecord.Place(gitFolder: folder.path, key: ["local:/a"]).load() == nil)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path.appending("restic").string).count == 1)
  }

  @Test("the record is valid while all of its packs are there, and nothing but packs")
  func packs() throws {
    let record = CompletenessRecord(tips: ["ab"], packs: Self.packs)
    #expect(record.isValid(for: Self.packs))
    #expect(record.isValid(for: StoredPacks(lines: Self.packs.lines.union(["pack-2.pack 5"]))))
    #expect(!record.isValid(for: StoredPacks(lines: ["pack-1.pack 10", "pack-1.idx 21"])))
    #expect(!record.isValid(for: nil))

    let folder = try TemporaryDirectory()
    func write(_ name: String) throws {
      let path = folder.path.appending(name)
      try FileManager.default.createDirectory(
        atPath: path.removingLastComponent().string, withIntermediateDirectories: true)
      try Data("0123456789".utf8).write(to: URL(fileURLWithPath: path.string))
    }
    #expect(StoredPacks(in: folder.path) == nil)
    try write("objects/pack/pack-1.pack")
    try write("objects/info/packs")
    #expect(StoredPacks(in: folder.path)?.lines == ["pack-1.pack 10"])
    try write("objects/ab/cdef")
    #expect(StoredPacks(in: folder.path) == nil)
  }

  @Test("a truncated file, and a file of another kind, are no record")
  func damaged() {
    let text = CompletenessRecord(tips: ["ab"], packs: Self.packs).encoded(for: Self.key)
    for count in 0..<text.count {
      #expect(CompletenessRecord(parsing: String(text.prefix(count)), key: Self.key) == nil)
    }
    #expect(CompletenessRecord(parsing: text, key: Self.key) != nil)
    #expect(CompletenessRecord(parsing: text.replacing("end\n", with: "tip --all\nend\n"), key: Self.key) == nil)
  }

  @Test("the record does not grow without bound")
  func limit() {
    #expect(CompletenessRecord(tips: (0..<1000).map { String($0) }, packs: Self.packs).tips.count == 256)
  }
}
