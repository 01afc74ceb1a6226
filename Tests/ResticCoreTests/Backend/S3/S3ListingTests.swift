import Testing

@testable import ResticCore

@Suite("S3Listing, S3Failure and XMLScanner")
struct S3ListingTests {
  private static let name = String(repeating: "ab", count: 32)

  /// Shortened lists of Amazon, rclone and Swift.
  static let pages = [
    """
    <?xml version="1.0" encoding="UTF-8"?>
    <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>vault</Name><Prefix>a%20b/locks/</Prefix>\
    <NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken><KeyCount>2</KeyCount>\
    <MaxKeys>1000</MaxKeys><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType><Contents>\
    <Key>a%20b/locks/\(name)</Key><LastModified>2026-11-29T17:00:00.000Z</LastModified><ETag>&quot;9b2cf535f27731c97434&quot;</ETag>\
    <Owner><ID>75aa</ID><Key>no key</Key></Owner><Size>155</Size><StorageClass>STANDARD</StorageClass></Contents><Contents>\
    <Size>0</Size><Key>a+b/locks/x%2Fy</Key></Contents><CommonPrefixes><Prefix>x</Prefix></CommonPrefixes></ListBucketResult>
    """,
    "<ListBucketResult><IsTruncated>false</IsTruncated><Marker/></ListBucketResult>",
    """
    <ListBucketResult><IsTruncated>true</IsTruncated><NextMarker>p/z+</NextMarker><Contents><Key>p/a+b &amp; c%20</Key>\
    <Size>7</Size></Contents></ListBucketResult>
    """,
  ]

  private func page(_ text: String, prefix: String = "") throws -> S3Listing {
    try S3Listing(PooledBytes(copying: Array(text.utf8)), prefix: prefix)
  }

  @Test("keys are decoded if the server declares them as encoded, and otherwise taken unchanged")
  func keys() throws {
    let first = try page(Self.pages[0])
    #expect(
      first.entries == [
        S3Listing.Entry(key: "a b/locks/\(Self.name)", byteCount: 155),
        S3Listing.Entry(key: "a b/locks/x/y", byteCount: 0),
      ])
    #expect(first.isTruncated && first.nextToken == "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=")
    #expect(first.lastKey == "a b/locks/x/y")
    let second = try page(Self.pages[1])
    #expect(second.entries.isEmpty && !second.isTruncated && second.nextToken == nil && second.lastKey == nil)
    let third = try page(Self.pages[2])
    #expect(third.entries == [S3Listing.Entry(key: "p/a+b & c%20", byteCount: 7)])
    #expect(third.lastKey == "p/z+")
  }

  @Test("a key that is not text belongs to another program, and hides no other key")
  func foreignKeys() throws {
    let keys = ["p/%FF", "p/%zz", "p/a%20b"].map { "<Contents><Key>\($0)</Key><Size>1</Size></Contents>" }.joined()
    let text = "<ListBucketResult><EncodingType>url</EncodingType>\(keys)</ListBucketResult>"
    #expect(try page(text).entries.map(\.key) == ["p/a b"])
  }

  @Test("the prefix reveals a server that encodes keys without declaring it")
  func silentEncoding() throws {
    let text =
      "<ListBucketResult><Prefix>p+q/</Prefix><Contents><Key>p+q/a%2Bb</Key><Size>1</Size></Contents></ListBucketResult>"
    #expect(try page(text, prefix: "p q/").entries.first?.key == "p q/a+b")
    #expect(try page(text, prefix: "p+q/").entries.first?.key == "p+q/a%2Bb")
    #expect(try page(text, prefix: "x/").entries.first?.key == "p+q/a%2Bb")
  }

  @Test(
    "anything but a list is an error",
    arguments: [
      "", "<html>", "[]", "<a/>", "<ListBucketResult>", "<x><ListBucketResult/></x>",
      "<ListBucketResult><Contents><Key>x</Key></Contents></ListBucketResult>",
      "<ListBucketResult><Contents><Key>x</Key><Size>-1</Size></Contents></ListBucketResult>",
      "<ListBucketResult><Contents><Key>x</Key><Size>9223372036854775808</Size></Contents></ListBucketResult>",
      "<ListBucketResult/><ListBucketResult/>", "<ListBucketResult>\u{0}</ListBucketResult>",
    ])
  func malformed(text: String) {
    #expect(throws: FormatError.self) { try page(text) }
  }

  @Test("every truncated page is refused, and no changed byte causes a trap")
  func truncated() throws {
    for text in Self.pages {
      let bytes = Array(text.utf8)
      for count in 0..<bytes.count {
        #expect(throws: FormatError.self) { try S3Listing(PooledBytes(copying: Array(bytes[..<count])), prefix: "") }
      }
      for index in bytes.indices {
        var changed = bytes
        changed[index] ^= 0x15
        _ = try? S3Listing(PooledBytes(copying: changed), prefix: "p/")
      }
    }
  }

  @Test("entities, deep nesting, long texts and too many elements are refused before they cost memory")
  func hostile() {
    let entities = (1...9).map { "<!ENTITY e\($0) \"&e\($0 - 1);&e\($0 - 1);\">" }.joined()
    let texts = [
      "<!DOCTYPE a [<!ENTITY e0 \"x\">\(entities)]><a>&e9;</a>", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>",
      "<!DOCTYPE a><a/>", String(repeating: "<a>", count: 20), "<a>" + String(repeating: "x", count: 70_000) + "</a>",
      "<a>" + String(repeating: "<b/>", count: XMLScanner.mostElements) + "</a>", "<a>&unknown;</a>",
    ]
    for text in texts {
      var count = 0
      #expect(throws: FormatError.self, "\(text.prefix(40))") {
        try Array(text.utf8).withUnsafeBytes { try XMLScanner.scan($0) { _ in count += 1 } }
      }
      #expect(count <= 2 * XMLScanner.mostElements + 2)
    }
  }

  private func failure(_ body: String, _ status: Int = 403, _ fields: [HTTPResponse.Field: String] = [:]) -> S3Failure {
    S3Failure(
      HTTPResponse(
        status: status, fields: fields, statedByteCount: nil, retryAfter: nil,
        body: .taken(PooledBytes(copying: Array(body.utf8)))))
  }

  @Test("an error document gives its code, message and region, even if it is truncated")
  func refusals() {
    let whole = """
      <?xml version="1.0"?>\n<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting \
      'eu-west-1'</Message><Region>eu-west-1</Region><RequestId>1</RequestId></Error>
      """
    let failure = failure(whole, 400, [.date: "Sun, 29 Nov 2026 17:00:00 GMT"])
    #expect(failure.code == "AuthorizationHeaderMalformed" && failure.region == "eu-west-1" && failure.status == 400)
    #expect(failure.serverTime == 1_795_971_600)
    #expect(
      failure.text == "status 400 AuthorizationHeaderMalformed, the region 'us-east-1' is wrong; expecting 'eu-west-1'")
    #expect(self.failure(String(whole.prefix(260))).code == "AuthorizationHeaderMalformed")
    let nested = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code></Error></ErrorResponse>"
    #expect(self.failure(nested).code == "ExpiredToken")
    for (body, fields) in [("", [.bucketRegion: "eu-west-1"]), ("<html>", [:])]
      as [(String, [HTTPResponse.Field: String])]
    {
      let failure = self.failure(body, 301, fields)
      #expect(failure.code == "" && failure.text == "status 301" && failure.region == fields[.bucketRegion])
    }
    let hostile = self.failure(
      "<Error><Code>Access\u{1b}Denied é</Code><Message>a\u{7f}b\(String(repeating: "x", count: 999))</Message><Region>a.b/c</Region></Error>"
    )
    #expect(hostile.text.utf8.allSatisfy { (0x20..<0x7f).contains($0) } && hostile.text.utf8.count < 300)
    #expect(hostile.region == nil)
  }

  @Test(
    "times in header fields are read",
    arguments: [
      "", "now", "Sun, 29 Nov 2026 17:00:00", "Sun, 29 Nov 26 17:00:00 GMT", "Sun, 31 Nov 2026 17:00:00 GMT",
      "Sun, 29 Nov 2026 25:00:00 GMT", "Sun, 29 Foo 2026 17:00:00 GMT", "2026-11-29T17:00:00Z",
    ])
  func dates(text: String) {
    #expect(HTTPDate.seconds("Sun, 29 Nov 2026 17:00:00 GMT") == 1_795_971_600)
    #expect(HTTPDate.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
    #expect(HTTPDate.seconds(text) == nil)
  }
}
