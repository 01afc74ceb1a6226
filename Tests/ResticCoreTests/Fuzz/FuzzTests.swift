import ResticTestSupport
import Testing

@testable import ResticCore

// R14 No decoder traps or takes memory without bound, whatever the bytes, and each value that it accepts survives encoding.
@Suite("FuzzTests of ResticCore")
struct FuzzTests {
  private static let trees = [RealTrees.single, RealTrees.empty, RealTrees.kinds, MalformedInputTests.windowsTree]
  private static let snapshots = RealFiles.snapshots + [SnapshotTests.newSnapshot]
  private static let indexes = [RealFiles.plainIndex, RealFiles.compressedIndex]
  private static let headers = [RealFiles.plainPackHeader, RealFiles.dataPackHeader, RealFiles.treePackHeader]

  @Test func tree() {
    #expect(Self.failures(.tree, Self.trees, Tree.decode) { $0.encode() } == [])
  }

  @Test func snapshot() {
    #expect(Self.failures(.snapshot, Self.snapshots, Snapshot.decode) { $0.encode() } == [])
  }

  @Test func index() {
    #expect(Self.failures(.index, Self.indexes, IndexFile.decode) { $0.encode() } == [])
  }

  @Test func config() {
    #expect(Self.failures(.config, [RealFiles.config], Config.decode) { $0.encode() } == [])
  }

  @Test func lock() {
    #expect(Self.failures(.lock, [RealFiles.lock], LockFile.decode) { $0.encode() } == [])
  }

  @Test func key() {
    #expect(Self.failures(.key, [RealFiles.keyFile], KeyFile.decode) { $0.encode() } == [])
  }

  @Test func packHeader() {
    #expect(Self.failures(.packHeader, Self.headers, PackHeader.decode, PackHeader.encode) == [])
  }

  @Test func time() {
    let samples = [
      "2024-06-07T12:34:56.123456789Z", "2024-02-29T23:59:59+02:00", "9999-12-31T23:59:59.999999999-23:59",
      "0000-01-01T00:00:00+23:59", "1969-12-31T23:59:59.000000001-00:01",
    ].map { Array($0.utf8) }
    let words = ["0", "9", "-", ":", ".", "Z", "+00:00", "-23:59", "99", "00", "T24", "02-30"].map { Array($0.utf8) }
    let failures = FuzzRun(.time).failures(of: samples, words: words) { bytes in
      guard let time = Timestamp(rfc3339: bytes) else { return .refused }
      let text = Array(time.rfc3339.utf8)
      guard let again = Timestamp(rfc3339: text), again == time, Array(again.rfc3339.utf8) == text else {
        return .failed("a time does not survive encoding")
      }
      return .accepted
    }
    #expect(failures == [])
  }

  @Test func serverList() {
    let names = ["ab", "cd"].map { String(repeating: $0, count: 32) }
    let samples = [
      "[]", "null", "[{\"name\":\"\(names[0])\",\"size\":155},{\"size\":0,\"name\":\"\(names[1])\",\"x\":[1,{}]}]",
    ].map { Array($0.utf8) }
    let words = ["[", "]", "{", "}", "\"name\":", "\"size\":", "9223372036854775808", "-1", ","].map { Array($0.utf8) }
    let failures = FuzzRun(.serverList).failures(of: samples, words: words) { bytes in
      do throws(FormatError) {
        let entries = try RESTListing.entries(of: .lock, in: PooledBytes(copying: bytes))
        return entries.allSatisfy { $0.byteCount >= 0 } ? .accepted : .failed("a negative file size")
      } catch {
        return .refused
      }
    }
    #expect(failures == [])
  }

  @Test func bucketPage() {
    let samples = S3ListingTests.pages.map { Array($0.utf8) }
    let words = [
      "<", ">", "</", "&amp;", "<Contents>", "</Key>", "<![CDATA[", "]]>", "<!DOCTYPE a [<!ENTITY e \"x\">]>", "&e;",
      "%2",
      "url", "true", "-1", "9223372036854775808",
    ].map { Array($0.utf8) }
    let failures = FuzzRun(.bucketPage).failures(of: samples, words: words) { bytes in
      do throws(FormatError) {
        let page = try S3Listing(PooledBytes(copying: bytes), prefix: "a b/locks/")
        return page.entries.allSatisfy { $0.byteCount >= 0 } ? .accepted : .failed("a negative file size")
      } catch {
        return .refused
      }
    }
    #expect(failures == [])
  }

  @Test func bucketRefusal() {
    let samples = [
      "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><Region>eu-west-1</Region></Error>",
      "<?xml version=\"1.0\"?><ErrorResponse xmlns=\"x\"><Error><Code>ExpiredToken</Code></Error></ErrorResponse>",
    ].map { Array($0.utf8) }
    let words = ["<Code>", "<Region>", "\u{301}", "\r\n", "&#0;", "</Error>", "eu west"].map { Array($0.utf8) }
    let failures = FuzzRun(.bucketRefusal).failures(of: samples, words: words) { bytes in
      let failure = S3Failure(
        HTTPResponse(
          status: 403, fields: [:], statedByteCount: nil, retryAfter: nil, body: .taken(PooledBytes(copying: bytes))))
      guard failure.region.map(S3Region.isValid) ?? true else { return .failed("a region that is none") }
      guard failure.text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) else { return .failed("not printable") }
      return failure.code.isEmpty ? .refused : .accepted
    }
    #expect(failures == [])
  }

  @Test func profiles() {
    let samples = [AWSProfilesTests.credentials, AWSProfilesTests.config].map { Array($0.utf8) }
    let words = ["[", "]", "=", ":", " #", "\"", "'", "\\", "\n", "profile ", "\r\n", "\u{301}"].map { Array($0.utf8) }
    let failures = FuzzRun(.profiles).failures(of: samples, words: words) { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      var profiles = AWSProfiles()
      profiles.add(text, .config)
      profiles.add(text, .credentials)
      _ = CredentialProcess.words(of: text)
      _ = try? CredentialsDocument.decode(bytes, source: "")
      _ = try? MinioClientCredentials.pair(of: "s3", in: bytes)
      return profiles.settings(of: "default") == nil ? .refused : .accepted
    }
    #expect(failures == [])
  }

  @Test func sftpPacket() {
    let greeting: [UInt8] = [2, 0, 0, 0, 3, 0, 0, 0, 4] + Array("a@b0".utf8) + [0, 0, 0, 1, 49]
    let samples = SFTPPacketTests.replies.map(\.0) + [greeting]
    let words: [[UInt8]] = [
      [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0], [0, 0, 1, 1], [0x80, 0, 0, 0], [101], [104], [105],
    ]
    let failures = FuzzRun(.sftpPacket).failures(of: samples, words: words) { bytes in
      bytes.withUnsafeBytes { packet in
        let isGreeting = (try? SFTPGreeting(packet)) != nil
        guard let (_, reply) = try? SFTPReply.decode(packet) else { return isGreeting ? .accepted : .refused }
        guard case .names(let names) = reply else { return .accepted }
        // A decoder makes no bytes that are not in the packet.
        let byteCount = names.reduce(0) { $0 + $1.bytes.count + 12 }
        return byteCount <= packet.count ? .accepted : .failed("more names than a packet holds")
      }
    }
    #expect(failures == [])
  }

  @Test func pack() {
    let key = MasterKey.random()
    let failures = FuzzRun(.pack).failures(of: Self.headers) { header in
      let sealed = key.seal(header)
      // The first byte says how the length lies, if it does.
      let length = UInt32(sealed.count) &+ (header.first.map { $0 > 3 ? UInt32($0) << 24 : 0 } ?? 0)
      let pack = [1, 2, 3] + sealed + (0..<4).map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
      do throws(RepositoryError) {
        let blobs = try PackBuilder.decodeHeader(of: pack, key)
        return PackHeader.encode(blobs) == header ? .accepted : .failed("a header is not what was decoded")
      } catch {
        return .refused
      }
    }
    #expect(failures == [])
  }

  @Test func frame() {
    let samples = (Self.trees + Self.snapshots).map { Zstd.compress($0, mode: .auto) }
    let words =
      [[0x28, 0xb5, 0x2f, 0xfd], [0xff, 0xff, 0xff, 0xff], [0], [0x60, 0, 0x10], [0x01, 0, 0x80]] as [[UInt8]]
    let limit = 1 << 20
    let failures = FuzzRun(.frame).failures(of: samples, words: words) { frame in
      do throws(CompressionError) {
        let content = try Zstd.decompress(frame, limit: limit)
        guard content.count <= limit else { return .failed("more than the limit") }
        guard try Zstd.decompress(frame, expectedByteCount: content.count) == content else {
          return .failed("another content where its size is known")
        }
        return .accepted
      } catch {
        return .refused
      }
    }
    #expect(failures == [])
  }

  // MARK: -

  /// Runs a decoder whose values encode to bytes that decode to the same value, and those to the same bytes.
  private static func failures<Value: Equatable>(
    _ subject: FuzzSubject, _ samples: [[UInt8]], _ decode: ([UInt8]) throws(FormatError) -> Value,
    _ encode: (Value) -> [UInt8]
  ) -> [String] {
    FuzzRun(subject).failures(of: samples) { outcome(of: $0, decode, encode) }
  }

  static func outcome<Value: Equatable>(
    of bytes: [UInt8], _ decode: ([UInt8]) throws(FormatError) -> Value, _ encode: (Value) -> [UInt8]
  ) -> FuzzRun.Outcome {
    let value: Value
    do throws(FormatError) {
      value = try decode(bytes)
    } catch {
      return .refused
    }
    do throws(FormatError) {
      let encoded = encode(value)
      let again = try decode(encoded)
      if again != value { return .failed("decodes to what does not survive encoding") }
      return encode(again) == encoded ? .accepted : .failed("is encoded in two ways")
    } catch {
      return .failed("what it decodes to is encoded as what is refused: \(error)")
    }
  }
}
