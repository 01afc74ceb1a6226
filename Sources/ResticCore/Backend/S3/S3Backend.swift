/// A repository in a bucket of an S3 server: Amazon's, MinIO, Ceph, Garage, OpenStack Swift, `rclone serve s3`, and others.
///
///     PUT, GET, HEAD, DELETE  prefix/config, prefix/data/ab/abcd…, prefix/{keys,locks,index,snapshots}/NAME
///     GET  ?list-type=2&prefix=…      GET  ?prefix=…&marker=…   (the first version, by option)
///
/// A file is one PUT, which is atomic. Its name is the hash of its bytes, which is also signed: a server that checks
/// signatures refuses bytes that were damaged in transfer. Small files also have a Content-MD5, and so do packs if the
/// server requires it or checks nothing else (`S3Client`).
///
/// How servers differ from the rules of `Backend`:
/// 1. They replace existing files. Files are named for their content, so this changes nothing, except for config, which
///    is checked first. It is sent with `If-None-Match`, so servers that support this do not replace it.
/// 2. They do not tell whether a removed file existed: `remove` succeeds.
/// 3. rclone answers a request for a range with 200.
/// Source: restic, internal/backend/s3; AWS, S3 API Reference.
struct S3Backend: Backend {
  let location: S3Location
  let options: S3Options
  let client: S3Client

  /// The repository at `location`, with the credentials that `environment` leads to. Makes no request and reads no file
  /// yet.
  init(_ location: S3Location, options: S3Options, environment: S3Environment, transport: TransportOptions) {
    let options = options.withDefault(region: environment[.defaultRegion])
    let makeTransport: TransportMaker = { origin, limits in
      CurlTransport(origin: origin, credentials: nil, options: limits?.applied(to: transport) ?? transport)
    }
    let chain = CredentialChain(environment, makeTransport: makeTransport)
    let provider = AssumedRoleCredentials(
      base: chain, environment: environment, region: options.region, makeTransport: makeTransport)
    self.init(
      location, options: options, credentials: CredentialCache(provider, missing: .missing),
      makeTransport: makeTransport)
  }

  /// The same, with credentials from `credentials` and transports from `makeTransport`. `now`: this machine's clock, in
  /// seconds since 1970.
  init(
    _ location: S3Location, options: S3Options, credentials: CredentialCache, makeTransport: @escaping TransportMaker,
    now: @escaping @Sendable () -> Int64 = { Timestamp.now().seconds }
  ) {
    self.location = location
    self.options = options
    client = S3Client(
      location, options: options, credentials: options.isAnonymous ? nil : credentials, makeTransport: makeTransport,
      now: now)
  }

  var description: String { location.description }

  /// Makes the bucket, unless it exists or this client may not check.
  func create() async throws(BackendError) {
    do throws(S3Client.Failure) {
      _ = try await client.send(S3Request(method: .head))
      return
    } catch .refused(let failure, _, _) where failure.status == 403 && ["AccessDenied", ""].contains(failure.code) {
      return
    } catch .refused(let failure, _, _) where failure.status == 404 {
      try await makeBucket()
    } catch {
      throw self.failure(error, "look for the bucket", nil)
    }
  }

  private func makeBucket() async throws(BackendError) {
    var request = S3Request(method: .put, fields: ["Content-Type: application/xml"], namesBucketInPath: true)
    // The oldest region has no name here.
    if client.region != S3Region.standard {
      let body = Array(
        """
        <CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">\
        <LocationConstraint>\(client.region)</LocationConstraint></CreateBucketConfiguration>
        """.utf8)
      request.body = PooledBytes(copying: body)
      request.payloadHash = SHA256.id(of: body, as: ID<Never>.self).hex
    }
    do throws(S3Client.Failure) {
      _ = try await client.send(request)
    } catch .refused(let failure, _, _) where failure.code == "BucketAlreadyOwnedByYou" {
      return
    } catch .refused(let failure, _, _) where failure.code == "BucketAlreadyExists" {
      // Created at this moment by another client of this program, or the bucket of somebody else.
      guard (try? await client.send(S3Request(method: .head))) == nil else { return }
      throw .denied(
        "\(location.origin): the bucket \"\(location.bucket)\" belongs to another account (\(failure.text)); "
          + "choose another one")
    } catch {
      throw self.failure(error, "make the bucket", nil)
    }
  }

  func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    guard file == .config else {
      _ = try await send(upload(of: file, bytes, hash: file.name), "save \(file)", file)
      return
    }
    if try await holds(file, bytes) { return }
    let hash = bytes.withUnsafeBytes { SHA256.id(of: $0, as: ID<Never>.self).hex }
    var request = upload(of: file, bytes, hash: hash)
    request.fields.append("If-None-Match: *")
    do throws(S3Client.Failure) {
      _ = try await client.send(request)
    } catch .refused(let failure, _, _) where failure.status == 412 {
      guard try await holds(file, bytes) else {
        throw .unavailable("\(location): another process is removing the config file")
      }
    } catch .refused(let failure, _, _) where Self.doesNotKnowConditions(failure) {
      _ = try await send(upload(of: file, bytes, hash: hash), "save \(file)", file)
    } catch {
      throw self.failure(error, "save \(file)", file)
    }
  }

  func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    guard let range else { return try await loadWhole(file) }
    precondition(range.lowerBound >= 0, "a range begins in the file")
    guard !range.isEmpty else {
      guard try await byteCount(of: file) >= range.upperBound else { throw .truncated(file) }
      return PooledBytes(capacity: 0)
    }
    let response = try await send(
      S3Request(
        method: .get, key: location.key(of: file), fields: ["Range: bytes=\(range.lowerBound)-\(range.upperBound - 1)"],
        room: .exactly(range.count)), "load \(file)", file)
    let stated = response.fields[.contentRange]
    // rclone answers 200 for a part; without a range in the answer, the answer is the whole file.
    let isPart = response.status == 206 || stated != nil
    guard stated.map({ Self.beginning(of: $0) == range.lowerBound }) ?? true else {
      throw .unavailable("\(location.origin) sent another part of \(file) than requested")
    }
    switch response.body {
    case .taken(let bytes) where isPart || range.lowerBound == 0: return bytes
    case .refused(let count?) where count < range.count && (isPart || range.lowerBound == 0): throw .truncated(file)
    case .refused where isPart:
      throw .unavailable("\(location.origin) sent another part of \(file) than requested")
    case .taken, .refused:
      throw .denied("\(location.origin) sends whole files only; use a server that supports ranges (RFC 9110)")
    }
  }

  func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    let response = try await send(S3Request(method: .head, key: location.key(of: file)), "look for \(file)", file)
    guard let byteCount = response.statedByteCount else {
      throw .denied("\(location.origin) does not report the size of \(file): is it an S3 server?")
    }
    return byteCount
  }

  func remove(_ file: BackendFile) async throws(BackendError) {
    _ = try await send(S3Request(method: .delete, key: location.key(of: file)), "remove \(file)", file)
  }

  /// Nil: the protocol has no request for this.
  func capacity() async throws(BackendError) -> StorageCapacity? { nil }

  func clockOffset() async throws(BackendError) -> Duration? {
    let begin = Timestamp.now()
    let response = try await send(
      S3Request(method: .head, key: location.key(of: .config)), "look for config", BackendFile.config)
    return response.clockOffset(from: begin, to: .now())
  }

  /// True for Amazon since December 2020; for other servers only their owners know.
  func listingsAreImmediate(of type: BackendFileType) async -> Bool {
    options.hasImmediateListings ?? (AmazonHost(location.origin.host) != nil)
  }

  // MARK: Parts

  /// The successful answer to `request`.
  func send(
    _ request: S3Request, _ operation: String, _ file: BackendFile?
  ) async throws(BackendError) -> HTTPResponse {
    do throws(S3Client.Failure) {
      return try await client.send(request)
    } catch {
      throw failure(error, operation, file, byteCount: request.body?.byteCount ?? 0)
    }
  }

  private func upload(of file: BackendFile, _ bytes: PooledBytes, hash: String) -> S3Request {
    var fields = ["Content-Type: application/octet-stream"]
    if let storageClass = options.storageClass { fields.append("x-amz-storage-class: \(storageClass)") }
    return S3Request(
      method: .put, key: location.key(of: file), fields: fields, body: bytes, payloadHash: hash)
  }

  private func loadWhole(_ file: BackendFile) async throws(BackendError) -> PooledBytes {
    let limit = file.type.wholeByteLimit
    let response = try await send(
      S3Request(method: .get, key: location.key(of: file), room: .upTo(limit)), "load \(file)", file)
    switch response.body {
    case .taken(let bytes): return bytes
    case .refused(let byteCount): throw .tooLarge(file, byteCount: byteCount ?? limit + 1)
    }
  }

  /// Whether `file` is stored with exactly `bytes`; throws `.alreadyExists` if it has other bytes.
  private func holds(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) -> Bool {
    let response: HTTPResponse
    do throws(BackendError) {
      response = try await send(
        S3Request(method: .get, key: location.key(of: file), room: .exactly(bytes.byteCount)), "compare \(file)", file)
    } catch .notFound {
      return false
    }
    guard case .taken(let stored) = response.body,
      stored.withUnsafeBytes({ stored in bytes.withUnsafeBytes { $0.isEqual(to: stored) } })
    else { throw .alreadyExists(file) }
    return true
  }

  /// Servers that do not know `If-None-Match` ignore it, or refuse the request.
  private static func doesNotKnowConditions(_ failure: S3Failure) -> Bool {
    failure.status == 501 || failure.code == "NotImplemented"
      || failure.status == 400 && ["InvalidArgument", "InvalidRequest", "UnsupportedHeader"].contains(failure.code)
  }

  /// The offset at which the part in `bytes 17-499/1000` begins.
  private static func beginning(of contentRange: String) -> Int? {
    guard contentRange.hasPrefix("bytes ") else { return nil }
    return Int(contentRange.dropFirst("bytes ".count).prefix { $0 != "-" })
  }
}
