/// A repository on a REST server: rest-server, `rclone serve restic` (also started by this process), or another server
/// of restic's protocol.
///
///     POST  path/?create=true
///     HEAD, GET, POST, DELETE  path/config, path/{data,keys,locks,index,snapshots}/NAME
///     GET  path/{data,keys,locks,index,snapshots}/
///
/// How servers differ from the rules of `Backend`:
/// 1. Some replace existing files (rclone). Files are named for their content, so this changes nothing, except for
///    config, which is checked first. Others answer 403: the stored file is then compared.
/// 2. Some show a file while it is being uploaded (rclone with a local folder).
/// 3. Some report success for the removal of a file that never existed: `remove` succeeds.
/// 4. An append-only server removes only locks.
/// 5. Some remember a file that somebody else has removed, until they are asked for a list (rclone). For locks this
///    matters, so the existence of a lock is looked up in a list.
/// 6. Some answer 404 for failures of their own (rclone, up to about 1.67): a list that is not found is not taken for
///    empty there, and a config is taken for missing only if there are no keys (a new repository gets its key first, so
///    `save` does not check that).
/// Source: restic, doc/REST_backend.rst and internal/backend/rest.
public struct RESTBackend: Backend {
  let place: RESTPlace
  private let transport: any HTTPTransport
  private let hasImmediateListings: Bool

  /// The repository at `location`. Makes no request yet. `hasImmediateListings`: the user knows that every listing
  /// shows everything that was saved before the listing began.
  public init(_ location: RESTLocation, options: TransportOptions, hasImmediateListings: Bool = false) {
    self.init(
      RESTPlace(location),
      transport: CurlTransport(origin: location.origin, credentials: location.credentials, options: options),
      hasImmediateListings: hasImmediateListings)
  }

  init(_ place: RESTPlace, transport: any HTTPTransport, hasImmediateListings: Bool = false) {
    self.place = place
    self.transport = transport
    self.hasImmediateListings = hasImmediateListings
  }

  /// The location as restic prints it: a password is `***`.
  public var description: String { place.description }

  /// Sends `POST ?create=true`; the server makes the folders.
  public func create() async throws(BackendError) {
    let request = HTTPRequest(method: .post, target: place.path + "?create=true", fields: Self.uploadFields)
    let response = try await send(request)
    guard response.isSuccess else { throw failure(response, "create the repository", nil) }
  }

  /// Sends one POST, after a GET for the config. If the server refuses with 403, the stored file is compared: equal
  /// bytes count as saved, others are `.alreadyExists`.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    if file == .config, try await holds(file, bytes) { return }
    let response = try await send(
      HTTPRequest(method: .post, target: target(of: file), fields: Self.uploadFields, body: bytes))
    guard !response.isSuccess else { return }
    // A server that replaces nothing answers 403; the answer to an earlier try may have been lost.
    if response.status == 403, try await holds(file, bytes) { return }
    throw failure(response, "save \(file)", file, byteCount: bytes.byteCount)
  }

  /// Sends one GET, with a `Range` for a part. A server that ignores the range is accepted if the part begins the file,
  /// and `.denied` otherwise.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    guard let range else { return try await loadWhole(file) }
    precondition(range.lowerBound >= 0, "a range begins in the file")
    guard !range.isEmpty else {
      guard try await byteCount(of: file) >= range.upperBound else { throw .truncated(file) }
      return PooledBytes(capacity: 0)
    }
    let bytes = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
    let response = try await send(
      HTTPRequest(
        method: .get, target: target(of: file), fields: Self.fields + ["Range: \(bytes)"], room: .exactly(range.count)))
    guard response.isSuccess else { throw failure(response, "load \(file)", file) }
    // Without a range in the answer, the answer is the whole file.
    let isPart = response.status == 206
    switch response.body {
    case .taken(let taken) where isPart || range.lowerBound == 0: return taken
    case .refused(let count?) where count < range.count && (isPart || range.lowerBound == 0): throw .truncated(file)
    case .refused where isPart:
      throw .unavailable("\(place.server) sent another part of \(file) than requested")
    case .taken, .refused:
      throw .denied("\(place.server) sends whole files only; use a server that supports ranges (RFC 9110)")
    }
  }

  /// The `Content-Length` of a HEAD; the size of a lock comes from a list (rule 5).
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    if file.type == .lock, let entry = try await list(.lock).first(where: { $0.file == file }) {
      return entry.byteCount
    }
    let response = try await send(HTTPRequest(method: .head, target: target(of: file), fields: Self.fields))
    guard response.isSuccess else {
      if file == .config { try await confirmAbsence(response) }
      throw failure(response, "look for \(file)", file)
    }
    guard let byteCount = response.statedByteCount else {
      throw .denied("\(place.server) does not report the size of \(file): is it a restic REST server?")
    }
    return byteCount
  }

  /// Sends one GET for version 2 of the protocol, which lists sizes; for a server of version 1 also a HEAD for each
  /// file.
  public func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    guard type != .config else { return try await sizes(of: [.config]) }
    let operation = "list \(type.rawValue)"
    let response = try await send(
      HTTPRequest(
        method: .get, target: place.path + type.rawValue + "/", fields: Self.fields, room: .upTo(type.listByteLimit))
    )
    guard response.isSuccess else {
      // rclone answers 404 for failures of its own, but never for a missing folder.
      guard response.status == 404 else { throw failure(response, operation, nil) }
      guard !Self.isRclone(response) else { throw unavailable(response, operation) }
      return []
    }
    guard case .taken(let text) = response.body else {
      throw .denied(
        "\(place.server): the list of \(type.rawValue) is too long: more than \(type.listByteLimit) bytes")
    }
    guard response.fields[.contentType] == RESTListing.contentType else {
      return try await sizes(of: try read(text, of: type, RESTListing.files))
    }
    return try read(text, of: type, RESTListing.entries)
  }

  /// Sends one DELETE. An append-only server refuses it for everything but locks: `.denied`.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    let response = try await send(HTTPRequest(method: .delete, target: target(of: file), fields: Self.fields))
    guard response.isSuccess else { throw failure(response, "remove \(file)", file) }
  }

  /// Nil: the protocol has no request for this.
  public func capacity() async throws(BackendError) -> StorageCapacity? { nil }

  /// The `Date` of the answer to a HEAD for the config; nil if the server sends no date.
  public func clockOffset() async throws(BackendError) -> Duration? {
    let begin = Timestamp.now()
    let response = try await send(HTTPRequest(method: .head, target: target(of: .config), fields: Self.fields))
    return response.clockOffset(from: begin, to: .now())
  }

  /// As the option `immediate-listings` says: the protocol has no way to ask.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool { hasImmediateListings }

  // MARK: Parts

  private static let fields = ["Accept: \(RESTListing.contentType)"]
  private static let uploadFields = fields + ["Content-Type: application/octet-stream"]

  private func target(of file: BackendFile) -> String {
    place.path + (file == .config ? "config" : file.description)
  }

  /// The result of `parse` for a list.
  private func read<Element>(
    _ text: PooledBytes, of type: BackendFileType,
    _ parse: (BackendFileType, PooledBytes) throws(FormatError) -> [Element]
  ) throws(BackendError) -> [Element] {
    do throws(FormatError) {
      return try parse(type, text)
    } catch {
      throw .denied(
        """
        \(place.server) did not answer with a list of \(type.rawValue): is there a restic REST server \
        at \(place.path)? (\(error))
        """)
    }
  }

  private func send(_ request: HTTPRequest) async throws(BackendError) -> HTTPResponse {
    do throws(HTTPFailure) {
      return try await transport.send(request)
    } catch {
      throw failure(error)
    }
  }

  private static func isRclone(_ response: HTTPResponse) -> Bool {
    response.fields[.server]?.hasPrefix("rclone/") == true
  }

  /// Throws if `response` says that there is no config although there are keys.
  private func confirmAbsence(_ response: HTTPResponse) async throws(BackendError) {
    guard response.status == 404, Self.isRclone(response), try await !list(.key).isEmpty else { return }
    throw unavailable(response, "find config, although there are keys,")
  }

  private func loadWhole(_ file: BackendFile) async throws(BackendError) -> PooledBytes {
    let limit = file.type.wholeByteLimit
    let response = try await send(
      HTTPRequest(method: .get, target: target(of: file), fields: Self.fields, room: .upTo(limit)))
    guard response.isSuccess else {
      if file == .config { try await confirmAbsence(response) }
      throw failure(response, "load \(file)", file)
    }
    switch response.body {
    case .taken(let bytes): return bytes
    case .refused(let byteCount): throw .tooLarge(file, byteCount: byteCount ?? limit + 1)
    }
  }

  /// Whether `file` is stored with exactly `bytes`; throws `.alreadyExists` if it has other bytes.
  private func holds(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) -> Bool {
    let response = try await send(
      HTTPRequest(method: .get, target: target(of: file), fields: Self.fields, room: .exactly(bytes.byteCount)))
    guard response.status != 404 else { return false }
    guard response.isSuccess else { throw failure(response, "compare \(file)", file) }
    guard case .taken(let stored) = response.body,
      stored.withUnsafeBytes({ stored in bytes.withUnsafeBytes { $0.isEqual(to: stored) } })
    else { throw .alreadyExists(file) }
    return true
  }

  /// The existing files among `files`, with their sizes.
  private func sizes(of files: [BackendFile]) async throws(BackendError) -> [BackendEntry] {
    let found = Locked<[BackendEntry]>([])
    try await forEachConcurrently(files, limit: LimitedBackend.defaultConnections) { file throws(BackendError) in
      do throws(BackendError) {
        let byteCount = try await byteCount(of: file)
        found.withLock { $0.append(BackendEntry(file: file, byteCount: byteCount)) }
      } catch .notFound {
        return  // Removed since it was listed.
      }
    }
    return found.withLock { $0 }
  }
}
