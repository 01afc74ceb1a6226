import ResticCore
import Testing

@testable import ResticGitFS

@Suite("PendingChunks")
struct PendingChunksTests {
  private static let inode = InodeNumber(7)

  private static func chunk(_ number: UInt8, at offset: UInt64, of content: ExtentMap, endsAtCut: Bool = true)
    -> PendingChunks.Chunk
  {
    PendingChunks.Chunk(
      inode: inode, offset: offset,
      chunk: StoredChunk(id: SHA256.id(of: [number]), byteCount: 100, endsAtCut: endsAtCut),
      slices: content.slices(in: offset..<offset + 100))
  }

  private static func write(_ byteCount: Int, at offset: UInt64, to content: inout ExtentMap) {
    [UInt8](repeating: 1, count: byteCount).withUnsafeBytes { content.write($0, at: offset) }
  }

  @Test("a chunk on its way is found at its start while its bytes are unchanged")
  func find() {
    var content = ExtentMap()
    Self.write(250, at: 0, to: &content)
    var pending = PendingChunks()
    pending.insert(Self.chunk(1, at: 0, of: content))
    pending.insert(Self.chunk(2, at: 100, of: content))
    #expect(pending.chunk(of: Self.inode, at: 100, in: content)?.end == 200)
    #expect(pending.chunk(of: Self.inode, at: 50, in: content) == nil)
    #expect(pending.chunk(of: InodeNumber(8), at: 100, in: content) == nil)
    Self.write(10, at: 220, to: &content)
    #expect(pending.chunk(of: Self.inode, at: 100, in: content) != nil)
    Self.write(1, at: 199, to: &content)
    #expect(pending.chunk(of: Self.inode, at: 100, in: content) == nil)
    #expect(pending.chunk(of: Self.inode, at: 0, in: content) != nil)
    content.truncate(to: 99)
    #expect(pending.chunk(of: Self.inode, at: 0, in: content) == nil)
  }

  @Test("the last chunk of a file counts while the file ends there")
  func tail() {
    var content = ExtentMap()
    Self.write(100, at: 0, to: &content)
    var pending = PendingChunks()
    pending.insert(Self.chunk(1, at: 0, of: content, endsAtCut: false))
    #expect(pending.chunk(of: Self.inode, at: 0, in: content) != nil)
    Self.write(1, at: 100, to: &content)
    #expect(pending.chunk(of: Self.inode, at: 0, in: content) == nil)
  }

  @Test("finished chunks are removed, and the later of two chunks at one place counts")
  func take() {
    var content = ExtentMap()
    Self.write(200, at: 0, to: &content)
    var pending = PendingChunks()
    let chunks = [
      Self.chunk(1, at: 0, of: content), Self.chunk(2, at: 0, of: content), Self.chunk(3, at: 100, of: content),
    ]
    for chunk in chunks { pending.insert(chunk) }
    #expect(pending.take { $0.chunk.id == chunks[0].chunk.id }.isEmpty)
    #expect(pending.take { $0.chunk.id == chunks[1].chunk.id }.map(\.offset) == [0])
    #expect(pending.take { _ in true }.map(\.offset) == [100])
    #expect(pending.take { _ in true }.isEmpty)
  }
}
