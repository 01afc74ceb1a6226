import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("ExtentMap")
struct ExtentMapTests {
  /// A file as one array, and the blobs that its stored parts come from.
  private struct Model {
    var bytes: [UInt8] = []
    var blobs: [BlobID: [UInt8]] = [:]

    mutating func resize(_ count: Int) {
      bytes = Array(bytes.prefix(count)) + [UInt8](repeating: 0, count: max(0, count - bytes.count))
    }
  }

  private static func content(_ extents: ExtentMap, _ range: Range<UInt64>, _ blobs: [BlobID: [UInt8]]) -> [UInt8] {
    extents.slices(in: range).flatMap { slice -> [UInt8] in
      var bytes = [UInt8](repeating: 0, count: Int(slice.byteCount))
      switch slice.source {
      case .zeros: break
      case .buffer(let buffer, let start): bytes.withUnsafeMutableBytes { buffer.copy(from: start, to: $0) }
      case .blob(let id, _, let skip, _): bytes = Array(blobs[id, default: []][Int(skip)..<Int(skip) + bytes.count])
      }
      return bytes
    }
  }

  private static func checkInvariants(_ extents: ExtentMap) -> Bool {
    var position: UInt64 = 0
    var buffered: UInt64 = 0
    for extent in extents.extents {
      guard extent.offset == position, extent.byteCount > 0 else { return false }
      position = extent.end
      if case .buffer = extent.source { buffered += extent.byteCount }
    }
    return position == extents.byteCount && buffered == extents.bufferedByteCount
  }

  @Test("a file is complete up to the first hole near its end")
  func settled() {
    var extents = ExtentMap()
    #expect(extents.settled(window: 10).byteCount == 0)
    let bytes = [UInt8](repeating: 1, count: 100)
    for offset in [0, 200, 400] as [UInt64] { bytes.withUnsafeBytes { extents.write($0, at: offset) } }
    for (window, byteCount) in [(0, 500), (99, 500), (100, 500), (101, 300), (300, 300), (301, 100), (1000, 100)] {
      let settled = extents.settled(window: UInt64(window))
      #expect(settled.byteCount == UInt64(byteCount), "\(window)")
      #expect(Self.checkInvariants(settled))
    }
    bytes.withUnsafeBytes { extents.write($0, at: 300) }
    #expect(extents.settled(window: 200).byteCount == 500)
  }

  @Test("random writes, truncations and holes have the same results as on an array", arguments: 0..<60)
  func modelTest(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var model = Model()
    var chunks: [StoredChunk] = []
    for number in 0..<Int.random(in: 0...5, using: &random) {
      let bytes = random.bytes(Int.random(in: 1...3000, using: &random))
      let id = SHA256.id(of: bytes, as: BlobID.self)
      model.blobs[id] = bytes
      model.bytes += bytes
      chunks.append(StoredChunk(id: id, byteCount: UInt32(bytes.count), endsAtCut: number % 2 == 0))
    }
    var extents = ExtentMap(chunks: chunks)
    var frozen: (extents: ExtentMap, bytes: [UInt8])?
    for step in 0..<200 {
      switch Int.random(in: 0..<10, using: &random) {
      case 0...5:
        let atEnd = Bool.random(using: &random)
        let offset = atEnd ? model.bytes.count : Int.random(in: 0...model.bytes.count + 500, using: &random)
        let bytes = random.bytes(Int.random(in: 0...(step % 7 == 0 ? 9000 : 700), using: &random))
        if !bytes.isEmpty {
          if model.bytes.count < offset + bytes.count { model.resize(offset + bytes.count) }
          model.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        } else if offset > model.bytes.count {
          model.resize(offset)
        }
        bytes.withUnsafeBytes { buffer in
          if Bool.random(using: &random), !bytes.isEmpty {
            extents.write(WriteBuffer(copying: buffer), at: UInt64(offset))
          } else {
            extents.write(buffer, at: UInt64(offset))
          }
        }
      case 6, 7:
        let count = Int.random(in: 0...model.bytes.count + 1000, using: &random)
        model.resize(count)
        extents.truncate(to: UInt64(count))
      case 8:
        let start = Int.random(in: 0...model.bytes.count, using: &random)
        let end = Int.random(in: start...start + 2000, using: &random)
        for index in start..<min(end, model.bytes.count) where start < model.bytes.count { model.bytes[index] = 0 }
        extents.punch(UInt64(start)..<UInt64(end))
      default:
        frozen = (extents, model.bytes)
      }
      #expect(Self.checkInvariants(extents), "seed \(seed), step \(step)")
      let start = Int.random(in: 0...model.bytes.count, using: &random)
      let end = Int.random(in: start...model.bytes.count + 10, using: &random)
      let read = Self.content(extents, UInt64(start)..<UInt64(end), model.blobs)
      #expect(read == Array(model.bytes[start..<min(end, model.bytes.count)]), "seed \(seed), step \(step)")
      if let frozen {
        let all = Self.content(frozen.extents, 0..<frozen.extents.byteCount, model.blobs)
        #expect(all == frozen.bytes, "a copy is not reached by later changes: seed \(seed), step \(step)")
      }
    }
  }

  @Test("small appends share buffers: a file that is written in pieces has few extents")
  func appendsCoalesce() {
    var extents = ExtentMap()
    let piece = [UInt8](repeating: 7, count: 100)
    for index in 0..<100_000 {
      piece.withUnsafeBytes { extents.write($0, at: UInt64(index) * 100) }
    }
    #expect(extents.byteCount == 10_000_000)
    #expect(extents.extents.count < 30)
  }

  @Test("a whole blob is found at its start, unless it is truncated or data follows the end of the file")
  func wholeBlobs() {
    let id = SHA256.id(of: [1], as: BlobID.self)
    let cut = StoredChunk(id: id, byteCount: 1000, endsAtCut: true)
    let last = StoredChunk(id: id, byteCount: 500, endsAtCut: false)
    var extents = ExtentMap(chunks: [cut, last])
    #expect(extents.wholeBlob(at: 0) == cut)
    #expect(extents.wholeBlob(at: 1) == nil)
    #expect(extents.wholeBlob(at: 1000) == last)
    [UInt8(1)].withUnsafeBytes { extents.write($0, at: 1500) }
    #expect(extents.wholeBlob(at: 1000) == nil, "the chunker might go on here")
    extents.truncate(to: 900)
    #expect(extents.wholeBlob(at: 0) == nil)
  }
}
