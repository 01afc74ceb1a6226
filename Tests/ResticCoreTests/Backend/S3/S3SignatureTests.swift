import Testing

@testable import ResticCore

/// Amazon's own examples: S3 API Reference, "Examples: Signature calculations"; the test suite of signature version 4.
@Suite("S3Signature")
struct S3SignatureTests {
  private static let host = "examplebucket.s3.amazonaws.com"
  /// 2013-05-24T00:00:00Z.
  private static let time: Int64 = 1_369_353_600

  private func signature(_ service: S3Signature.Service = .s3, token: String? = nil) throws -> S3Signature {
    let credentials = try S3Credentials(
      accessKeyID: "AKIAIOSFODNN7EXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", sessionToken: token,
      source: "a test")
    return S3Signature(credentials: credentials, region: "us-east-1", service: service, time: Self.time)
  }

  private func expect(
    _ method: String, _ path: String, _ query: S3Query = S3Query(), fields: [String] = [],
    hash: String = S3Signature.emptyHash, names: String, signature expected: String
  ) throws {
    let subject = S3Signature.Subject(
      method: method, host: Self.host, path: path, query: query, fields: fields, payloadHash: hash)
    let signed = try signature().fields(of: subject)
    #expect(
      signed.last == """
        Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
        SignedHeaders=\(names), Signature=\(expected)
        """)
    #expect(signed.contains("x-amz-date: 20130524T000000Z") && signed.contains("x-amz-content-sha256: \(hash)"))
  }

  @Test("GET of an object's first ten bytes")
  func range() throws {
    try expect(
      "GET", "/test.txt", fields: ["Range: bytes=0-9"], names: "host;range;x-amz-content-sha256;x-amz-date",
      signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  @Test("PUT of an object")
  func upload() throws {
    let hash = SHA256.id(of: Array("Welcome to Amazon S3.".utf8), as: ID<Never>.self).hex
    try expect(
      "PUT", "/" + PercentCoding.strict("test$file.text", keepsSlashes: true),
      fields: ["Date: Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class: REDUCED_REDUNDANCY"], hash: hash,
      names: "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
      signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
  }

  @Test("a parameter without a value")
  func lifecycle() throws {
    try expect(
      "GET", "/", S3Query([("lifecycle", "")]), names: "host;x-amz-content-sha256;x-amz-date",
      signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
  }

  @Test("a list with parameters in any order")
  func list() throws {
    try expect(
      "GET", "/", S3Query([("prefix", "J"), ("max-keys", "2")]), names: "host;x-amz-content-sha256;x-amz-date",
      signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
  }

  @Test("the signing key of the test suite, and its first request")
  func suite() throws {
    let credentials = try S3Credentials(
      accessKeyID: "AKIDEXAMPLE", secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", source: "a test")
    // The suite's service is called "service", and this code's services are real, so the keys differ in the third step.
    // The time is 2015-08-30T12:36:00Z.
    let signature = S3Signature(credentials: credentials, region: "us-east-1", service: .sts, time: 1_440_938_160)
    let day = HMACSHA256.code(of: Array("20150830".utf8), key: Array("AWS4\(credentials.secret)".utf8))
    let iam = ["us-east-1", "iam", "aws4_request"].reduce(day) { HMACSHA256.code(of: Array($1.utf8), key: $0) }
    #expect(Hex.text(iam) == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9")
    let sts = ["us-east-1", "sts", "aws4_request"].reduce(day) { HMACSHA256.code(of: Array($1.utf8), key: $0) }
    #expect(signature.signingKey == sts)
  }

  @Test("HMAC as in RFC 4231")
  func hmac() {
    let (key, text) = ([UInt8](repeating: 0x0b, count: 20), Array("Hi There".utf8))
    #expect(
      Hex.text(HMACSHA256.code(of: text, key: key))
        == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
    let long = HMACSHA256.code(
      of: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
      key: [UInt8](repeating: 0xaa, count: 131))
    #expect(Hex.text(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  @Test("a session token is sent and signed; white space in values counts once")
  func token() throws {
    let subject = S3Signature.Subject(
      method: "GET", host: Self.host, path: "/", query: S3Query(), fields: ["X-Thing:   a   b  "],
      payloadHash: S3Signature.emptyHash)
    var single = subject
    single.fields = ["x-thing: a b"]
    let (first, second) = (
      try signature(token: "TOKEN").fields(of: subject), try signature(token: "TOKEN").fields(of: single)
    )
    #expect(first.last == second.last && first.contains("x-amz-security-token: TOKEN"))
    #expect(
      first.last?.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-thing") == true)
  }

  @Test("a query is sorted by encoded names and values")
  func query() {
    #expect(S3Query().text == "")
    #expect(
      S3Query([("prefix", "a b/+é"), ("list-type", "2"), ("a", "2"), ("a", "1"), ("A", "")]).text
        == "A=&a=1&a=2&list-type=2&prefix=a%20b%2F%2B%C3%A9")
  }
}
