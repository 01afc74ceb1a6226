import Platform
import ResticTestSupport
import SystemPackage
import Testing

@testable import GitRemoteRestic

@Suite("A pkt-line")
struct PacketTests {
  private let bytes: [UInt8] = Array("0006a\n00000001000200043fffe".utf8)

  @Test("is four digits of length and a payload; lengths below four mean something by themselves")
  func parsing() {
    let packets = Packet.parse(bytes)
    #expect(packets.map(\.kind) == [.data, .special(0), .special(1), .special(2), .data])
    #expect(packets[0].payload == Array("a\n".utf8) && packets[0].line.elementsEqual(Array("a".utf8)))
    #expect(packets[1].isFlush && !packets[2].isFlush)
    #expect(packets[4].payload.isEmpty && !packets[4].isFlush)
  }

  @Test("is written as it was read, up to the longest possible packet")
  func roundTrip() throws {
    for count in [0, 1, 2, 255, 4096, Packet.longest - 4] {
      let packet = Packet([UInt8](repeating: 0xC3, count: count))
      #expect(Packet.parse(packet.encoded) == [packet])
    }
    #expect(Packet.flush.encoded == Array("0000".utf8))
    #expect(Packet([1]).encoded == Array("0005".utf8) + [1])
  }

  @Test("with an impossible length is refused")
  func malformed() {
    for text in ["0003", "fff1", "ffff", "00g0", "-001", "    "] {
      #expect(Packet.length(Array(text.utf8)) == nil, "\(text)")
    }
    #expect(Packet.length(Array("FFF0".utf8)) == Packet.longest)
  }

  @Test("every truncation gives the packets before it, from a stream as from memory")
  func truncated() throws {
    let whole = Array("0009hello0000000bgoodbye".utf8)
    let ends = [9, 13, 24]
    for count in 0...whole.count {
      let expected = ends.filter { $0 <= count }.count
      #expect(Packet.parse(Array(whole[..<count])).count == expected)
      let pipe = try Pipe()
      try pipe.writeEnd.writeAll(whole[..<count])
      pipe.writeEnd.closeQuietly()
      var reader = PacketReader(pipe.readEnd)
      var read = 0
      do {
        while try reader.next() != nil { read += 1 }
        #expect(count == 0 || ends.contains(count))
      } catch {
        #expect(!ends.contains(count))
      }
      #expect(read == expected)
      pipe.readEnd.closeQuietly()
    }
  }

  @Test("from a stream of random bytes ends or is refused, and never traps")
  func random() throws {
    var random = SplitMix64(seed: 5)
    for _ in 0..<500 {
      let bytes = (0..<Int(random.next() % 200)).map { _ in
        random.next() % 3 == 0
          ? UInt8(truncatingIfNeeded: random.next()) : Array("0123456789abcdef".utf8)[Int(random.next() % 16)]
      }
      _ = PushReport(parsing: bytes)
      var request = PushRequest()
      for packet in Packet.parse(bytes) { request.add(packet) }
      let pipe = try Pipe()
      try pipe.writeEnd.writeAll(bytes)
      pipe.writeEnd.closeQuietly()
      var reader = PacketReader(pipe.readEnd)
      do { while try reader.next() != nil {} } catch {}
      pipe.readEnd.closeQuietly()
    }
  }

  @Test("bytes that were read beyond the last packet are not lost")
  func buffered() throws {
    let pipe = try Pipe()
    try pipe.writeEnd.writeAll(Array("0000PACK....".utf8))
    pipe.writeEnd.closeQuietly()
    var reader = PacketReader(pipe.readEnd)
    #expect(try reader.next() == .flush && reader.hasBuffered)
    #expect(reader.takeBuffered() == Array("PACK....".utf8) && !reader.hasBuffered)
    pipe.readEnd.closeQuietly()
  }
}
