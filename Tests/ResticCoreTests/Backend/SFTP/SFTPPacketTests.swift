import Testing

@testable import ResticCore

@Suite("SFTP packets")
struct SFTPPacketTests {
  private static func text(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return word(UInt32(bytes.count)) + bytes
  }

  private static func word(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

  private static func long(_ number: UInt64) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

  /// All of `parts`, one behind the other.
  private static func packet(_ parts: [UInt8]...) -> [UInt8] { Array(parts.joined()) }

  private static func decode(_ bytes: [UInt8]) throws -> (id: UInt32, reply: SFTPReply) {
    try bytes.withUnsafeBytes { try SFTPReply.decode($0) }
  }

  private static let handle = SFTPHandle(bytes: [9, 8])

  // The examples are written out by hand after draft-ietf-secsh-filexfer-02.
  private static let requests: [(SFTPRequest, [UInt8])] = [
    (.close(handle), [4, 0, 0, 0, 7, 0, 0, 0, 2, 9, 8]),
    (.open("a", .create, mode: 0o600), [3, 0, 0, 0, 7, 0, 0, 0, 1, 97, 0, 0, 0, 0x2A, 0, 0, 0, 4, 0, 0, 1, 0x80]),
    (.open("é", .read, mode: nil), [3, 0, 0, 0, 7, 0, 0, 0, 2, 0xC3, 0xA9, 0, 0, 0, 1, 0, 0, 0, 0]),
    (
      .read(handle, offset: 1 << 40, byteCount: 258),
      [5, 0, 0, 0, 7, 0, 0, 0, 2, 9, 8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2]
    ),
    (.linkStatus("a"), [7, 0, 0, 0, 7, 0, 0, 0, 1, 97]), (.status("a"), [17, 0, 0, 0, 7, 0, 0, 0, 1, 97]),
    (.handleStatus(handle), [8, 0, 0, 0, 7, 0, 0, 0, 2, 9, 8]),
    (.setMode(handle, 0o400), [10, 0, 0, 0, 7, 0, 0, 0, 2, 9, 8, 0, 0, 0, 4, 0, 0, 1, 0]),
    (.setModeOf("a", 0o400), [9, 0, 0, 0, 7, 0, 0, 0, 1, 97, 0, 0, 0, 4, 0, 0, 1, 0]),
    (.openFolder("a"), [11, 0, 0, 0, 7, 0, 0, 0, 1, 97]), (.readFolder(handle), [12, 0, 0, 0, 7, 0, 0, 0, 2, 9, 8]),
    (.remove("a"), [13, 0, 0, 0, 7, 0, 0, 0, 1, 97]),
    (.makeFolder("a", mode: 0o700), [14, 0, 0, 0, 7, 0, 0, 0, 1, 97, 0, 0, 0, 4, 0, 0, 1, 0xC0]),
    (.rename("a", to: "bc"), [18, 0, 0, 0, 7, 0, 0, 0, 1, 97, 0, 0, 0, 2, 98, 99]),
    (.synchronize(handle), [200, 0, 0, 0, 7] + text("fsync@openssh.com".utf8) + [0, 0, 0, 2, 9, 8]),
    (.fileSystem("a"), [200, 0, 0, 0, 7] + text("statvfs@openssh.com".utf8) + [0, 0, 0, 1, 97]),
    (.limits, [200, 0, 0, 0, 7] + text("limits@openssh.com".utf8)),
  ]

  @Test(
    "a request consists of length, type, number, and the fields of its type",
    arguments: requests)
  func encoding(request: SFTPRequest, body: [UInt8]) {
    var packets: [UInt8] = [1, 2, 3]
    request.encode(id: 7, to: &packets)
    #expect(packets == Self.packet([1, 2, 3], Self.word(UInt32(body.count)), body))
  }

  @Test("the length of a write counts the bytes that follow it")
  func write() {
    var packet: [UInt8] = []
    SFTPRequest.write(Self.handle, offset: 5, byteCount: 1000).encode(id: 7, to: &packet)
    #expect(
      packet == Self.word(23 + 1000) + [
        6, 0, 0, 0, 7, 0, 0, 0, 2, 9, 8, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 3, 0xE8,
      ])
  }

  static let replies: [([UInt8], SFTPReply)] = {
    let attributes = packet(
      word(0x8000_000F), long(4711), word(1), word(2), word(0o100640), word(3), word(4), word(1), text("x".utf8),
      text("y".utf8))
    let decoded = SFTPAttributes(byteCount: 4711, mode: 0o100640, changeSeconds: 4)
    let nothing = SFTPAttributes(byteCount: nil, mode: nil)
    let names = packet(
      [104], word(7), word(2), text("ab".utf8), text("-rw ab".utf8), attributes, text([0xFF]), text([]), word(0))
    return [
      (packet([102], word(7), text([9, 8])), .handle(handle)),
      (packet([105], word(7), attributes), .attributes(decoded)),
      (packet([105], word(7), word(0)), .attributes(nothing)),
      (
        names,
        .names([SFTPName(bytes: [97, 98], attributes: decoded), SFTPName(bytes: [0xFF], attributes: nothing)])
      ),
      (packet([201], word(7), [1, 2, 3]), .extended([1, 2, 3])),
    ]
  }()

  @Test("an answer has the fields of its type; a shorter packet is refused", arguments: replies)
  func decoding(bytes: [UInt8], reply: SFTPReply) throws {
    let decoded = try Self.decode(bytes)
    #expect(decoded.id == 7 && decoded.reply == reply)
    guard case .extended = reply else {
      for count in 0..<bytes.count {
        #expect(throws: SFTPPacketError.self, "\(count) bytes") { try Self.decode(Array(bytes.prefix(count))) }
      }
      return
    }
  }

  @Test("a status may have a message, which is printed without control characters")
  func status() throws {
    let head: [UInt8] = [101] + Self.word(7)
    let plain = try Self.decode(head + Self.word(4)).reply.status
    #expect(plain.code == .failure && plain.description == "status 4")
    let words = Self.text("a\u{1B}[31m\nb".utf8) + Self.text("en".utf8)
    #expect(try Self.decode(head + Self.word(3) + words).reply.status.description == "status 3, a [31m b")
    let unknown = try Self.decode(head + Self.word(4711) + words).reply.status
    #expect(unknown.code == nil && !unknown.isDurable)
    let long = Self.text([UInt8](repeating: 120, count: 100_000))
    #expect(try Self.decode(head + Self.word(4) + long).reply.status.description.utf8.count < 300)
  }

  @Test("impossible counts and lengths in a packet take no memory")
  func impossible() {
    for count in [3, 1000, UInt32.max] {
      let bytes = [104] + Self.word(7) + Self.word(count) + [UInt8](repeating: 0, count: 24)
      #expect(throws: SFTPPacketError.self) { try Self.decode(bytes) }
    }
    for length in [257, UInt32.max] {
      let bytes = [102] + Self.word(7) + Self.word(length) + [UInt8](repeating: 0, count: 300)
      #expect(throws: SFTPPacketError.self) { try Self.decode(bytes) }
    }
    #expect(throws: SFTPPacketError.self) { try Self.decode([99, 0, 0, 0, 7]) }
  }

  @Test("the greeting gives the useful extensions")
  func greeting() throws {
    let pairs = ["fsync@openssh.com", "x", "limits@openssh.com"].flatMap { Self.text($0.utf8) + Self.text("1".utf8) }
    let bytes: [UInt8] = [2] + Self.word(3) + pairs
    let greeting = try bytes.withUnsafeBytes { try SFTPGreeting($0) }
    #expect(greeting.version == 3 && greeting.extensions == [.synchronize, .limits])
    #expect(throws: SFTPPacketError.self) { try Array(bytes.dropLast()).withUnsafeBytes { try SFTPGreeting($0) } }
  }

  @Test("the size of an endless file system is the largest number")
  func fileSystem() throws {
    let most = (0..<11).flatMap { _ in Self.long(.max) }
    let endless = try SFTPFileSystem(most)
    #expect(endless.capacity.totalByteCount == .max && endless.capacity.availableByteCount == .max)
    #expect(endless.isReadOnly)
    let numbers: [UInt64] = [4096, 512, 100, 60, 50, 10, 5, 0, 1, 2, 255]
    let small = try SFTPFileSystem(numbers.flatMap { Self.long($0) })
    #expect(small.capacity == StorageCapacity(totalByteCount: 51200, availableByteCount: 25600))
    #expect(!small.isReadOnly && !small.hasFreeFiles)
    #expect(throws: SFTPPacketError.self) { try SFTPFileSystem(Array(most.prefix(79))) }
  }

  @Test("a success without the requested data is refused")
  func answers() {
    let ok = SFTPReply.status(.ok)
    for request in [
      SFTPRequest.open("a", .read, mode: nil), .read(Self.handle, offset: 0, byteCount: 1), .linkStatus("a"),
      .status("a"),
      .handleStatus(Self.handle), .openFolder("a"), .readFolder(Self.handle), .fileSystem("a"), .limits,
    ] {
      #expect(!ok.answers(request))
      #expect(SFTPReply.status(SFTPStatus(.failure)).answers(request))
    }
    #expect(ok.answers(.remove("a")) && ok.answers(.write(Self.handle, offset: 0, byteCount: 1)))
    #expect(!SFTPReply.handle(Self.handle).answers(.remove("a")))
  }
}
