import Testing

@testable import ResticCore

@Suite struct IndexFileTests {
  @Test(
    "indexes that restic wrote are encoded to the same bytes",
    arguments: [RealFiles.plainIndex, RealFiles.compressedIndex])
  func real(file: [UInt8]) throws {
    #expect(try IndexFile.decode(file).encode() == file)
  }

  @Test("a real index lists its blobs")
  func meaning() throws {
    let index = try IndexFile.decode(RealFiles.plainIndex)
    #expect(index.packs.map(\.id.short) == ["8037264e", "2d6cfbaa"])
    #expect(index.packs.map(\.blobs.count) == [1, 5])
    let blob = index.packs[1].blobs[1]
    #expect(blob.id.short == "e2533e0d" && blob.type == .tree && blob.offset == 1632 && blob.length == 398)
    #expect(blob.uncompressedLength == nil && blob.plaintextLength == 366)
    #expect(try IndexFile.decode(RealFiles.compressedIndex).packs[0].blobs[0].uncompressedLength == 1)
  }

  private func index(_ blob: String) -> [UInt8] {
    Array(#"{"packs":[{"id":"\#(String(repeating: "a", count: 64))","blobs":[\#(blob)]}]}"#.utf8)
  }

  private static let id = #""id":"\#(String(repeating: "b", count: 64))""#

  @Test(
    "offsets and lengths must be those of a pack",
    arguments: [
      #""type":"data","offset":4294967296,"length":32"#, #""type":"data","offset":0,"length":4294967296"#,
      #""type":"data","offset":4294967295,"length":32"#, #""type":"data","offset":0,"length":31"#,
      #""type":"data","offset":-1,"length":32"#,
      #""type":"data","offset":0,"length":32,"uncompressed_length":4294967296"#, #""type":"data""#,
      #""type":"index","offset":0,"length":32"#,
      #""type":"","offset":0,"length":32"#, #""offset":0,"length":32"#, #""type":"data","offset":1.5,"length":32"#,
      #""type":"data","offset":null,"length":32"#,
    ])
  func refused(members: String) throws {
    #expect(throws: FormatError.self) { try IndexFile.decode(index("{\(Self.id),\(members)}")) }
    // The same without the fault.
    let sound = try IndexFile.decode(index(#"{\#(Self.id),"type":"data","offset":4294967263,"length":32,"new":[{}]}"#))
    #expect(sound.packs[0].blobs[0].offset == 4_294_967_263)
  }

  @Test("ids are required and have 64 lower-case digits")
  func ids() {
    let rest = #""type":"data","offset":0,"length":32"#
    let wrong = [
      "", #""id":null,"#, #""id":"","#, #""id":"\#(String(repeating: "B", count: 64))","#,
      #""id":"\#(String(repeating: "b", count: 63))","#,
      #""id":"\#(String(repeating: "b", count: 63))g","#, #""id":"\#(String(repeating: "\\u0062", count: 64))","#,
    ]
    for id in wrong {
      #expect(throws: FormatError.self) { try IndexFile.decode(index("{\(id)\(rest)}")) }
    }
    #expect(throws: FormatError.self) { try IndexFile.decode(Array(#"{"packs":[{"blobs":[]}]}"#.utf8)) }
  }

  @Test("supersedes is read, and written only if it is not empty")
  func supersedes() throws {
    let id = String(repeating: "c", count: 64)
    let text = #"{"supersedes":["\#(id)"],"packs":[]}"# + "\n"
    let index = try IndexFile.decode(Array(text.utf8))
    #expect(index.supersedes.map(\.hex) == [id])
    #expect(index.encode() == Array(text.utf8))
    #expect(IndexFile().encode() == Array("{\"packs\":[]}\n".utf8))
    #expect(try IndexFile.decode(Array(#"{"packs":null}"#.utf8)) == IndexFile())
    #expect(throws: FormatError.self) { try IndexFile.decode(Array("[]".utf8)) }
  }
}
