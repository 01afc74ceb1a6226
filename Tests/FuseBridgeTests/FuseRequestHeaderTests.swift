import Testing

@testable import FuseBridge

@Suite("The header of a request tells whether the request is brief")
struct FuseRequestHeaderTests {
  private static func isBrief(opcode: UInt32, byteCount: UInt32 = 0, length: Int = 80) -> Bool {
    var bytes = [UInt8](repeating: 0, count: length)
    withUnsafeBytes(of: opcode) { bytes.replaceSubrange(4..<8, with: $0) }
    if length >= 60 { withUnsafeBytes(of: byteCount) { bytes.replaceSubrange(56..<60, with: $0) } }
    return bytes.withUnsafeBytes { FuseRequestHeader($0).isBrief }
  }

  @Test("lookups, opens, closes and name changes are brief, whatever follows the header")
  func brief() {
    for opcode: UInt32 in [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 18, 25, 27, 28, 29, 35, 42, 44, 45] {
      #expect(Self.isBrief(opcode: opcode, byteCount: .max))
      #expect(Self.isBrief(opcode: opcode, length: 40))
    }
  }

  @Test("a request that may wait for the storage, and an unknown request, are not brief")
  func notBrief() {
    // STATFS, FSYNC, extended attributes, INIT, FSYNCDIR, INTERRUPT, FALLOCATE; opcodes that do not exist.
    for opcode: UInt32 in [0, 7, 17, 20, 21, 22, 23, 24, 26, 30, 36, 43, 46, 1_000, .max] {
      #expect(!Self.isBrief(opcode: opcode))
    }
  }

  @Test("a read or write is brief if it is small and complete", arguments: [15, 16] as [UInt32])
  func transfers(_ opcode: UInt32) {
    #expect(Self.isBrief(opcode: opcode, byteCount: 4096))
    #expect(Self.isBrief(opcode: opcode, byteCount: 16 << 10))
    #expect(!Self.isBrief(opcode: opcode, byteCount: (16 << 10) + 1))
    #expect(!Self.isBrief(opcode: opcode, byteCount: .max))
    for length in 40..<60 { #expect(!Self.isBrief(opcode: opcode, length: length)) }
  }
}
