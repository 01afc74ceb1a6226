import Synchronization
import Testing

@testable import ResticCore

/// The behaviour that only Amazon's servers have, with scripted servers.
@Suite("S3Client")
struct S3ClientTests {
  private static let now: Int64 = 1_795_971_600
  private static let file = BackendFile.pack(SHA256.id(of: [1]))

  private func backend(
    _ location: String, _ servers: ScriptedServers, options: S3Options? = nil, provider: ScriptedCredentials? = nil
  ) throws -> S3Backend {
    let credentials = CredentialCache(
      provider ?? ScriptedCredentials { () throws(CredentialError) in try .test() }, missing: .missing,
      now: { Self.now })
    return S3Backend(
      try S3Location(location), options: try options ?? .test(), credentials: credentials,
      makeTransport: servers.makeTransport, now: { Self.now })
  }

  private static func scope(_ call: ScriptedServers.Call) -> String? {
    call.field("Authorization")?.split(separator: "/").dropFirst(2).first.map(String.init)
  }

  private static func refusal(_ code: String, _ more: String = "") -> String {
    "<Error><Code>\(code)</Code><Message>words</Message>\(more)</Error>"
  }

  @Test("the region of a bucket elsewhere is learnt from the server's answer, and remembered")
  func region() async throws {
    let servers = ScriptedServers { call in
      switch call.origin.host {
      case "vault.s3.amazonaws.com":
        .init(
          status: 301, fields: [.bucketRegion: "eu-west-1", .location: "https://evil.example/"], statedByteCount: nil,
          retryAfter: nil, body: .taken(PooledBytes(capacity: 0)))
      case "vault.s3.eu-west-1.amazonaws.com" where Self.scope(call) == "eu-west-1": ScriptedServers.answer(200, "x")
      default: ScriptedServers.answer(500)
      }
    }
    let backend = try backend("s3.amazonaws.com/vault/p", servers)
    #expect(try await backend.byteCount(of: .config) == 1)
    #expect(try await backend.load(.config).array == Array("x".utf8))
    #expect(
      servers.calls.map(\.origin.host) == [
        "vault.s3.amazonaws.com", "vault.s3.eu-west-1.amazonaws.com", "vault.s3.eu-west-1.amazonaws.com",
      ])
    #expect(servers.calls.last?.request.target == "/p/config")
  }

  @Test(
    "a wrong region in a signature is corrected on any server, without another host",
    arguments: [
      (400, "AuthorizationHeaderMalformed"), (400, "InvalidRegion"), (301, "PermanentRedirect"),
      (307, "TemporaryRedirect"),
    ])
  func signedRegion(status: Int, code: String) async throws {
    let servers = ScriptedServers { call in
      Self.scope(call) == "garage"
        ? ScriptedServers.answer(200, "x")
        : ScriptedServers.answer(
          status, Self.refusal(code, "<Endpoint>evil.example</Endpoint><Region>garage</Region>"),
          [.location: "http://evil.example/"])
    }
    let backend = try backend("http://nas:3900/vault", servers)
    _ = try await backend.load(.config)
    _ = try await backend.load(.config)
    #expect(servers.calls.map(Self.scope) == ["us-east-1", "garage", "garage"])
    #expect(Set(servers.calls.map(\.origin.description)) == ["http://nas:3900"])
  }

  @Test("a redirect loop, and a redirect to nowhere, are errors that name the bucket and the option")
  func circles() async throws {
    let servers = ScriptedServers { call in
      let other = Self.scope(call) == "one" ? "two" : "one"
      return ScriptedServers.answer(301, Self.refusal("PermanentRedirect", "<Region>\(other)</Region>"))
    }
    let error = await #expect(throws: BackendError.self) { try await backend("http://nas/vault", servers).list(.key) }
    #expect(error?.isRetryable == false && servers.calls.count < 10)
    #expect(error.map { "\($0)".contains("\"vault\"") && "\($0)".contains("-o s3.region") } == true)
    let away = ScriptedServers { _ in ScriptedServers.answer(307, "", [.location: "http://evil.example/?geheim"]) }
    let second = await #expect(throws: BackendError.self) { try await backend("http://nas/vault", away).list(.key) }
    #expect(second.map { !"\($0)".contains("geheim") } == true && away.calls.count == 1)
  }

  @Test("a wrong clock is corrected by the server's clock, and requests go on")
  func clock() async throws {
    let servers = ScriptedServers { call in
      call.field("x-amz-date") == "20261129T183000Z"
        ? ScriptedServers.answer(200, "x")
        : ScriptedServers.answer(403, Self.refusal("RequestTimeTooSkewed"), [.date: "Sun, 29 Nov 2026 18:30:00 GMT"])
    }
    let backend = try backend("http://nas/vault", servers)
    _ = try await backend.load(.config)
    _ = try await backend.byteCount(of: .config)
    #expect(servers.calls.count == 3)
    let stubborn = ScriptedServers { _ in
      ScriptedServers.answer(403, Self.refusal("RequestTimeTooSkewed"), [.date: "Sun, 29 Nov 2026 18:30:00 GMT"])
    }
    let error = await #expect(throws: BackendError.self) {
      try await self.backend("http://nas/vault", stubborn).load(.config)
    }
    #expect(error.map { "\($0)".contains("clock") } == true && stubborn.calls.count == 2)
  }

  @Test("expired credentials are renewed once; without other credentials the error says so")
  func expired() async throws {
    let fetched = Mutex(0)
    let provider = ScriptedCredentials { () throws(CredentialError) in
      let number = fetched.withLock { count in
        count += 1
        return count
      }
      return try .test("KEY\(number)", token: "T\(number)")
    }
    let servers = ScriptedServers { call in
      call.field("x-amz-security-token") == "T2"
        ? ScriptedServers.answer(200, "x") : ScriptedServers.answer(400, Self.refusal("ExpiredToken"))
    }
    let backend = try backend("http://nas/vault", servers, provider: provider)
    _ = try await backend.load(.config)
    _ = try await backend.load(.config)
    #expect(servers.calls.count == 3 && fetched.withLock { $0 } == 2)
    let same = ScriptedServers { _ in ScriptedServers.answer(400, Self.refusal("ExpiredToken")) }
    let error = await #expect(throws: BackendError.self) {
      try await self.backend("http://nas/vault", same).load(.config)
    }
    #expect(error?.isRetryable == false && same.calls.count == 1)
    #expect(error.map { "\($0)".contains("expired") && "\($0)".contains("AKIA…7731") } == true)
  }

  @Test("MD5 is sent with small files, and with packs once a server has required MD5 or checks nothing else")
  func md5() async throws {
    let large = PooledBytes(copying: [UInt8](repeating: 7, count: 2 << 20))
    let locked = ScriptedServers { call in
      call.field("Content-MD5") != nil
        ? ScriptedServers.answer(200)
        : ScriptedServers.answer(
          400, "<Error><Code>InvalidRequest</Code><Message>Content-MD5 OR x-amz-checksum- is required</Message></Error>"
        )
    }
    let backend = try backend("http://nas/vault", locked)
    try await backend.save(Self.file, large)
    try await backend.save(Self.file, large)
    #expect(
      locked.calls.map { $0.field("Content-MD5") } == [nil, "Ar5vpYZXh+8HTu//cLrNMw==", "Ar5vpYZXh+8HTu//cLrNMw=="])

    let imitation = ScriptedServers { _ in ScriptedServers.answer(200, "", [.server: "AmazonS3"]) }
    for (location, md5) in [("http://nas/vault", "Ar5vpYZXh+8HTu//cLrNMw=="), ("s3.amazonaws.com/vault", nil)]
      as [(String, String?)]
    {
      let backend = try self.backend(location, imitation)
      try await backend.save(Self.file, large)
      try await backend.save(Self.file, large)
      #expect(imitation.calls.last?.field("Content-MD5") == md5)
    }

    let plain = ScriptedServers { _ in ScriptedServers.answer(200) }
    let other = try self.backend("http://nas/vault", plain)
    try await other.save(Self.file, [1])
    try await other.save(Self.file, large)
    #expect(
      plain.calls[0].field("Content-MD5") == "VaVACK0bpYmqIQ0mKcHfQQ==" && plain.calls[1].field("Content-MD5") == nil)
    #expect(plain.calls[0].field("x-amz-content-sha256") == Self.file.name)
  }

  @Test("the config is saved with If-None-Match, and without the condition on a server that does not know it")
  func config() async throws {
    for (status, code) in [(501, "NotImplemented"), (400, "InvalidArgument")] {
      let servers = ScriptedServers { call in
        if call.request.method == .get { return ScriptedServers.answer(404, Self.refusal("NoSuchKey")) }
        return call.field("If-None-Match") == nil
          ? ScriptedServers.answer(200) : ScriptedServers.answer(status, Self.refusal(code))
      }
      try await backend("http://nas/vault", servers).save(.config, [1])
      #expect(servers.calls.map { $0.field("If-None-Match") } == [nil, "*", nil])
      let hash = SHA256.id(of: [1], as: ID<Never>.self).hex
      #expect(servers.calls[2].field("x-amz-content-sha256") == hash)
    }
    // Another client was quicker.
    for (stored, isSame) in [("\u{1}", true), ("\u{2}", false)] {
      let servers = ScriptedServers { call in
        if call.request.method == .put { return ScriptedServers.answer(412, Self.refusal("PreconditionFailed")) }
        return call.number == 0 ? ScriptedServers.answer(404) : ScriptedServers.answer(200, stored)
      }
      let backend = try backend("http://nas/vault", servers)
      if isSame {
        try await backend.save(.config, [1])
      } else {
        await #expect(throws: BackendError.alreadyExists(.config)) { try await backend.save(.config, [1]) }
      }
    }
    // Two saves at one instant: one of them is retried.
    let race = ScriptedServers { call in
      call.request.method == .put
        ? ScriptedServers.answer(409, Self.refusal("ConditionalRequestConflict")) : ScriptedServers.answer(404)
    }
    let error = await #expect(throws: BackendError.self) {
      try await self.backend("http://nas/vault", race).save(.config, [1])
    }
    #expect(error?.isRetryable == true)
  }

  @Test("create makes the bucket in its region, unless the bucket exists or cannot be looked at")
  func create() async throws {
    for (status, code, puts) in [(200, "", 0), (403, "AccessDenied", 0), (404, "", 1)] {
      let servers = ScriptedServers { call in
        switch call.request.method {
        case .put: ScriptedServers.answer(200)
        case .head: ScriptedServers.answer(status)
        default: ScriptedServers.answer(status, Self.refusal(code))
        }
      }
      try await backend("s3.amazonaws.com/vault/p", servers, options: .test("s3.region=eu-west-1")).create()
      let made = servers.calls.filter { $0.request.method == .put }
      #expect(made.count == puts)
      for call in made {
        #expect(call.origin.host == "s3.eu-west-1.amazonaws.com" && call.request.target == "/vault/")
        #expect(call.text.contains("<LocationConstraint>eu-west-1</LocationConstraint>"))
      }
    }
    let plain = ScriptedServers { call in ScriptedServers.answer(call.request.method == .put ? 200 : 404) }
    try await backend("http://nas/vault", plain).create()
    #expect(plain.calls.last?.request.body == nil)
    for (code, isFine) in [("BucketAlreadyOwnedByYou", true), ("BucketAlreadyExists", false)] {
      let servers = ScriptedServers { call in
        call.request.method == .put ? ScriptedServers.answer(409, Self.refusal(code)) : ScriptedServers.answer(404)
      }
      if isFine {
        try await backend("http://nas/vault", servers).create()
      } else {
        let error = await #expect(throws: BackendError.self) {
          try await self.backend("http://nas/vault", servers).create()
        }
        #expect(error.map { !$0.isRetryable && "\($0)".contains("belongs to another account") } == true)
      }
    }
    // A key that is wrong is no reason to go on.
    let wrong = ScriptedServers { call in
      call.request.method == .head
        ? ScriptedServers.answer(403) : ScriptedServers.answer(403, Self.refusal("InvalidAccessKeyId"))
    }
    let error = await #expect(throws: BackendError.self) { try await self.backend("http://nas/vault", wrong).create() }
    #expect(error.map { "\($0)".contains("does not know the access key AKIA…7731 (a test)") } == true)
  }

  @Test("anonymous requests have no signature, and the storage class is named")
  func anonymous() async throws {
    let servers = ScriptedServers { _ in ScriptedServers.answer(200) }
    let options = try S3Options.test("s3.unsafe-anonymous-auth=true", "s3.storage-class=STANDARD_IA")
    try await backend("http://nas/vault", servers, options: options).save(Self.file, [1])
    #expect(
      servers.calls[0].field("Authorization") == nil && servers.calls[0].field("x-amz-storage-class") == "STANDARD_IA")
    let refusing = ScriptedServers { _ in ScriptedServers.answer(403, Self.refusal("AccessDenied")) }
    let error = await #expect(throws: BackendError.self) {
      try await self.backend("http://nas/vault", refusing, options: options).load(.config)
    }
    #expect(error.map { "\($0)".contains("a client without a key") } == true)
  }

  private static func page(_ names: [String], next: String? = nil) -> String {
    let keys = names.map { "<Contents><Key>p/locks/\($0)</Key><Size>1</Size></Contents>" }.joined()
    let more = next.map { "<NextContinuationToken>\($0)</NextContinuationToken>" } ?? ""
    return "<ListBucketResult><IsTruncated>\(next != nil)</IsTruncated>\(more)\(keys)</ListBucketResult>"
  }

  @Test("both versions of lists have pages; names that are not files are ignored")
  func pages() async throws {
    let names = (0..<5).map { SHA256.id(of: [$0], as: LockID.self).hex }.sorted()
    let second = ScriptedServers { call in
      #expect(call.request.target.contains("list-type=2") && call.request.target.contains("prefix=p%2Flocks%2F"))
      return ScriptedServers.answer(
        200,
        call.request.target.contains("continuation-token=a%2Fb")
          ? Self.page(Array(names[3...]))
          : Self.page(Array(names[..<3]) + ["README", "x/\(names[0])", "\(names[0])-tmp"], next: "a/b"))
    }
    #expect(try await Set(backend("http://nas/b/p", second).list(.lock).map(\.file.name)) == Set(names))
    let first = ScriptedServers { call in
      #expect(!call.request.target.contains("list-type"))
      return ScriptedServers.answer(
        200,
        call.request.target.contains("marker=p%2Flocks%2F\(names[2])")
          ? Self.page(Array(names[3...]))
          : Self.page(Array(names[..<3])).replacing("<IsTruncated>false", with: "<IsTruncated>true"))
    }
    let options = try S3Options.test("s3.list-objects-v1=true")
    #expect(
      try await Set(backend("http://nas/b/p", first, options: options).list(.lock).map(\.file.name)) == Set(names))
  }

  @Test("an endless list, a list that loops, and a list of another bucket are errors")
  func endless() async throws {
    let answers: [(String, @Sendable (Int) -> String)] = [
      ("no token", { _ in Self.page([]).replacing("<IsTruncated>false", with: "<IsTruncated>true") }),
      ("one token", { _ in Self.page(["x"], next: "same") }),
      ("empty pages", { Self.page([], next: "\($0)") }),
      ("no end", { number in Self.page((0..<1000).map { "\(number)-\($0)" }, next: "\(number)") }),
      (
        "other keys",
        { _ in
          Self.page([]).replacing(
            "</ListBucketResult>", with: "<Contents><Key>q</Key><Size>1</Size></Contents></ListBucketResult>")
        }
      ),
      ("no list", { _ in "<html/>" }),
    ]
    for (name, text) in answers {
      let servers = ScriptedServers { call in ScriptedServers.answer(200, text(call.number)) }
      await #expect(throws: BackendError.self, "\(name)") {
        try await self.backend("http://nas/b/p", servers).list(.lock)
      }
      #expect(servers.calls.count < 60, "\(name)")
    }
  }
}
