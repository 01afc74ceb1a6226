import Testing

@testable import GitRemoteRestic

@Suite("The report of a push")
struct PushReportTests {
  private func bytes(_ lines: [String], isWhole: Bool = true) -> [UInt8] {
    lines.flatMap { Packet(Array($0.utf8)).encoded } + (isWhole ? Packet.flush.encoded : [])
  }

  private let lines = [
    "unpack ok\n", "ok refs/heads/main\n", "ng refs/heads/x non-fast-forward\n", "ok refs/heads/ü\n",
    "option refname refs/heads/y\n", "option forced-update\n", "ok refs/heads/z\n",
  ]

  private func texts(_ report: PushReport?) -> [String]? {
    report?.lines.map { String(decoding: $0, as: UTF8.self) }
  }

  @Test("is passed on byte for byte if nothing is refused")
  func unchanged() throws {
    let report = try #require(PushReport(parsing: bytes(lines)))
    #expect(
      report.accepted.map { String(decoding: $0, as: UTF8.self) } == [
        "refs/heads/main", "refs/heads/ü", "refs/heads/z",
      ])
    #expect(report.encoded(inSideBand: false) == bytes(lines))
  }

  @Test("can refuse all accepted refs with their options, and leaves the rest")
  func refused() throws {
    var report = try #require(PushReport(parsing: bytes(lines)))
    report.refuse("not saved: disk\nfull")
    #expect(
      texts(report) == [
        "unpack ok\n", "ng refs/heads/main not saved: disk full\n", lines[2], "ng refs/heads/ü not saved: disk full\n",
        "ng refs/heads/z not saved: disk full\n",
      ])
    #expect(report.accepted.isEmpty)
  }

  @Test("can refuse some refs and keep the others")
  func some() throws {
    var report = try #require(PushReport(parsing: bytes(lines)))
    report.refuse("fetch first", only: [Array("refs/heads/main".utf8)])
    #expect(texts(report) == ["unpack ok\n", "ng refs/heads/main fetch first\n"] + lines[2...])
  }

  @Test("that is truncated or something else is not a report")
  func incomplete() {
    #expect(PushReport(parsing: bytes(lines, isWhole: false)) == nil)
    #expect(PushReport(parsing: bytes(["ok refs/heads/main\n"])) == nil)
    #expect(PushReport(parsing: []) == nil)
    let whole = bytes(lines)
    for count in whole.indices { #expect(PushReport(parsing: Array(whole[..<count])) == nil) }
  }

  @Test("is sent in packets of band 1, none too long, if the client asked for bands")
  func sideBand() throws {
    let many = ["unpack ok\n"] + (0..<5000).map { "ok refs/heads/a-branch-with-a-name-\($0)\n" }
    let report = try #require(PushReport(parsing: bytes(many)))
    let packets = Packet.parse(report.encoded(inSideBand: true))
    #expect(packets.count > 2 && packets.allSatisfy { $0.payload.first == 1 })
    #expect(packets.flatMap { $0.payload.dropFirst() } == bytes(many))
  }

  @Test("a reason of any length fits into a packet")
  func longReason() throws {
    var report = try #require(PushReport(parsing: bytes(lines)))
    report.refuse(String(repeating: "é", count: 100_000))
    #expect(!report.encoded(inSideBand: true).isEmpty)
  }
}
