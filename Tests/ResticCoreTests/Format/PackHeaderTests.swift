import Testing

@testable import ResticCore

@Suite struct PackHeaderTests {
  @Test("the headers of real packs agree with restic's index")
  func real() throws {
    let compressed = try IndexFile.decode(RealFiles.compressedIndex)
    let plain = try IndexFile.decode(RealFiles.plainIndex)
    let headers = [
      (RealFiles.dataPackHeader, compressed.packs[0]), (RealFiles.treePackHeader, compressed.packs[1]),
      (RealFiles.plainPackHeader, plain.packs[1]),
    ]
    for (header, pack) in headers {
      let blobs = try PackHeader.decode(header)
      #expect(blobs == pack.blobs.sorted { $0.offset < $1.offset })
      #expect(PackHeader.encode(blobs) == header)
    }
  }

  @Test("an entry has 37 bytes, or 41 for a compressed blob, and one of four types")
  func layout() throws {
    let id = BlobID(words: (0x0102_0304_0506_0708, 0, 0, 0xff))
    let blobs = [
      PackBlob(id: id, type: .data, offset: 0, length: 0x01020304),
      PackBlob(id: id, type: .tree, offset: 0x01020304, length: 32),
      PackBlob(id: id, type: .data, offset: 0x01020324, length: 33, uncompressedLength: 0x0a0b0c0d),
      PackBlob(id: id, type: .tree, offset: 0x01020345, length: 34, uncompressedLength: 1),
    ]
    let header = PackHeader.encode(blobs)
    #expect(header.count == 37 + 37 + 41 + 41)
    #expect(header[0...4] == [0, 4, 3, 2, 1] && header[5..<37] == id.bytes[...])
    #expect(header[37] == 1 && header[74] == 2 && header[79..<83] == [0x0d, 0x0c, 0x0b, 0x0a] && header[115] == 3)
    #expect(try PackHeader.decode(header) == blobs)
    #expect(blobs.map(\.plaintextLength) == [0x01020304 - 32, 0, 0x0a0b0c0d, 1])
    #expect(try PackHeader.decode([]).isEmpty)
  }

  @Test("other types, short blobs, empty compressed blobs and packs beyond 4 GiB are refused")
  func refused() throws {
    let id = BlobID(words: (1, 2, 3, 4))
    func header(_ blobs: PackBlob...) -> [UInt8] { PackHeader.encode(blobs) }
    for code in UInt8(4)...255 {
      var bytes = header(PackBlob(id: id, type: .data, offset: 0, length: 32))
      bytes[0] = code
      #expect(throws: FormatError.self) { try PackHeader.decode(bytes) }
    }
    #expect(throws: FormatError.self) {
      try PackHeader.decode(header(PackBlob(id: id, type: .data, offset: 0, length: 31)))
    }
    #expect(throws: FormatError.self) {
      try PackHeader.decode(header(PackBlob(id: id, type: .data, offset: 0, length: 32, uncompressedLength: 0)))
    }
    let half = PackBlob(id: id, type: .data, offset: 0, length: 1 << 31)
    let rest = PackBlob(id: id, type: .data, offset: 0, length: 1 << 31 - 1)
    #expect(try PackHeader.decode(header(half, rest)).map(\.offset) == [0, 1 << 31])
    #expect(throws: FormatError.self) { try PackHeader.decode(header(half, half)) }
    #expect(throws: FormatError.self) { try PackHeader.decode(header(half, rest, half)) }
  }
}
