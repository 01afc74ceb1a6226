import Testing

@testable import GitRemoteRestic

@Suite("A client's push request")
struct PushRequestTests {
  private let one = String(repeating: "1", count: 40)
  private let zero = String(repeating: "0", count: 40)

  private func request(_ lines: [String]) -> PushRequest {
    var request = PushRequest()
    for line in lines { request.add(Packet(Array(line.utf8))) }
    return request
  }

  @Test("commands and capabilities are read, shallow lines are not commands")
  func parsing() {
    let request = request([
      "shallow \(one)", "\(zero) \(one) refs/heads/a\0 report-status-v2 side-band-64k quiet atomic object-format=sha1",
      "\(one) \(zero) refs/heads/b c\n", "\(one) \(one) refs/heads/d\0 nothing",
    ])
    #expect(
      request.commands.map { String(decoding: $0.reference, as: UTF8.self) } == [
        "refs/heads/a", "refs/heads/b c", "refs/heads/d",
      ])
    #expect(request.commands.map(\.isCreation) == [true, false, false])
    #expect(request.commands.map(\.isDeletion) == [false, true, false])
    #expect(request.wantsReport && request.usesSideBand && request.isQuiet && request.isAtomic)
  }

  @Test("without capabilities none is assumed")
  func plain() {
    let request = request(["\(zero) \(one) refs/heads/a"])
    #expect(!request.wantsReport && !request.usesSideBand && !request.isQuiet && !request.isAtomic)
  }

  @Test("a signed push holds the same commands in its certificate; SHA-256 ids are longer")
  func certificate() {
    let long = String(repeating: "a", count: 64)
    let request = request([
      "push-cert\0 report-status", "certificate version 0.1\n", "pusher me <me@x> 1 +0000\n", "\n",
      "\(long) \(long) refs/heads/a\n", "-----BEGIN PGP SIGNATURE-----\n", "push-cert-end\n",
    ])
    #expect(request.commands.count == 1 && request.wantsReport)
  }

  @Test("if HEAD's branch does not exist, the first branch that was created takes its place")
  func head() {
    let request = request([
      "\(one) \(zero) refs/heads/gone", "\(zero) \(one) refs/heads/b", "\(zero) \(one) refs/tags/t",
    ])
    let accepted = ["refs/heads/gone", "refs/tags/t", "refs/heads/b", "refs/heads/c"].map { Array($0.utf8) }
    func successor(_ head: String?, _ accepted: [[UInt8]], own: String? = nil) -> String? {
      PushedHead(head: head).successor(accepted: accepted, request) { own }
    }
    #expect(successor("refs/heads/main", accepted) == "refs/heads/b")
    #expect(successor("refs/heads/main", accepted, own: "refs/heads/c") == "refs/heads/c")
    #expect(successor("refs/heads/main", accepted, own: "refs/heads/elsewhere") == "refs/heads/b")
    #expect(successor("refs/heads/c", accepted, own: "refs/heads/b") == nil)
    #expect(successor(nil, accepted) == nil)
    #expect(successor("refs/heads/main", []) == nil)
    let head = PushedHead(head: "refs/heads/main")
    #expect(head.isNamed(by: Packet(Array("\(one) refs/heads/main\0report-status\n".utf8))))
    #expect(head.isNamed(by: Packet(Array("\(one) refs/heads/main\n".utf8))))
    #expect(!head.isNamed(by: Packet(Array("\(one) refs/heads/xrefs/heads/main\n".utf8))))
    #expect(!head.isNamed(by: Packet(Array("\(one) refs/heads/mai\n".utf8))))
  }
}
