import ResticTestSupport
import Testing

@testable import GitRemoteRestic

// R14 What git and the server say to each other is looked at on its way.
@Suite("FuzzTests of git's protocol")
struct PacketFuzzTests {
  private static let id = String(repeating: "1a", count: 20)
  private static let zero = String(repeating: "0", count: 40)

  @Test func packets() {
    let commands =
      Packet(Array("\(Self.zero) \(Self.id) refs/heads/a\0 report-status-v2 side-band-64k atomic".utf8)).encoded
      + Packet(Array("\(Self.id) \(Self.zero) refs/heads/b\n".utf8)).encoded + Packet.flush.encoded
    let report =
      ["unpack ok\n", "ok refs/heads/a\n", "option refname x\n", "ng refs/heads/b no\n"]
      .flatMap { Packet(Array($0.utf8)).encoded } + Packet.flush.encoded
    let words = ["0000", "0001", "0002", "0003", "0004", "fff0", "fff1", "FFFF", "\0", "\n", " ", "ok ", Self.id].map {
      Array($0.utf8)
    }
    let failures = FuzzRun(.packets).failures(of: [commands, report], words: words) { bytes in
      let packets = Packet.parse(bytes)
      let encoded = packets.flatMap(\.encoded)
      guard Packet.parse(encoded) == packets else { return .failed("packets do not survive encoding") }
      guard encoded.count <= bytes.count else { return .failed("there is more than came") }
      var request = PushRequest()
      for packet in packets { request.add(packet) }
      guard request.commands.allSatisfy({ !$0.reference.isEmpty && !$0.reference.contains(0) }) else {
        return .failed("a command without a reference")
      }
      guard var report = PushReport(parsing: bytes) else { return request.commands.isEmpty ? .refused : .accepted }
      let accepted = report.accepted
      report.refuse("it is not saved\nand more")
      guard report.accepted.isEmpty else { return .failed("a refused reference is reported as accepted") }
      guard PushReport(parsing: report.encoded(inSideBand: false)) == report else {
        return .failed("a report of \(accepted.count) references does not survive encoding")
      }
      return .accepted
    }
    #expect(failures == [])
  }
}
