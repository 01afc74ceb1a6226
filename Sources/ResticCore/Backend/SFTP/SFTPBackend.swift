internal import Logging

/// A repository on an SSH server, in restic's "default" layout (`SFTPPaths`).
///
/// 1. A file appears whole or not at all: it is written under a temporary name beside its place, made durable (fsync),
///    and renamed without replacing; then its folder is made durable. If a server does not support that
///    (`fsync@openssh.com`), a log line says so.
/// 2. Files are read-only for their owner (0400), and folders are accessible to their owner only (0700). If the config
///    file is readable by its group, new files and folders are too (0440 and 0770), as restic does for shared
///    repositories.
/// 3. A save takes three rounds to the server and back, a load two or three, a list two; the requests of one round are
///    sent at once. All calls share one connection (`SFTPConnection`), and calls for locks do not wait for packs.
/// 4. Only plain files are opened: the attributes of an unknown file are read first. If the file is replaced meanwhile,
///    its size or its hash shows that.
/// 5. Some servers replace a file on `rename`. Files are named for their content, so this changes nothing, except for
///    config, which is checked first.
/// 6. If the connection breaks, calls under way fail with `.unavailable`; the next call makes a new connection.
///
/// Source: restic, internal/backend/sftp.
public struct SFTPBackend: Backend {
  let paths: SFTPPaths
  let memory: SFTPMemory
  private let location: SFTPLocation
  private let client: SFTPClient
  private let hasImmediateListings: Bool

  /// The repository at `location`. Nothing is started yet. The output of the connecting program goes to `logger`.
  init(_ location: SFTPLocation, _ options: SFTPOptions, transport: TransportOptions, logger: Logger) {
    self.location = location
    paths = SFTPPaths(root: location.path)
    memory = SFTPMemory(logger: logger)
    let command = ServiceCommand(location, options, connectLimit: transport.connectTimeout)
    client = SFTPClient(command, host: location.authority, options: transport, logger: logger)
    hasImmediateListings = options.hasImmediateListings
  }

  /// The location as restic prints it; it holds no password.
  public var description: String { location.description }

  /// The server, for messages.
  var host: String { location.authority }

  /// The size that LSTAT reports. Throws `.irregular` if the name is not a plain file.
  public func byteCount(of file: BackendFile) async throws(BackendError) -> Int {
    let call = try await begin()
    return try await status(of: file, in: call)
  }

  /// Sends one REMOVE; if the server refuses it, makes the file writable and tries once more.
  public func remove(_ file: BackendFile) async throws(BackendError) {
    let call = try await begin()
    memory.note(file, size: nil)
    let path = paths.path(of: file)
    var status = try await outcome(of: .remove(path), in: call)
    if status.code == .permissionDenied {
      // On Windows, a read-only file cannot be removed; restic does the same. A link is not followed.
      _ = try await self.status(of: file, in: call)
      _ = try await outcome(of: .setModeOf(path, 0o600), in: call)
      status = try await outcome(of: .remove(path), in: call)
    }
    guard status.code != .ok else { return }
    // The name may belong to a folder.
    _ = try await self.status(of: file, in: call)
    throw try await failure(status, "remove \(file)", file, in: call)
  }

  /// What the extension `statvfs@openssh.com` reports; nil if the server does not have it.
  public func capacity() async throws(BackendError) -> StorageCapacity? {
    let call = try await begin()
    return try await fileSystem(in: call)?.capacity
  }

  /// As the option `immediate-listings` says: the server's disk may be a network file system, and the protocol has no
  /// way to ask.
  public func listingsAreImmediate(of type: BackendFileType) async -> Bool { hasImmediateListings }

  // MARK: Parts

  /// A call on a connection that works, as far as is known.
  func begin() async throws(BackendError) -> SFTPCall {
    let isCancellable = !Task.isCancelled
    do throws(SFTPFailure) {
      return SFTPCall(
        connection: try await client.connection(isCancellable: isCancellable), isCancellable: isCancellable)
    } catch {
      throw failure(error)
    }
  }

  /// The replies to `steps`, one for each.
  func replies(
    to steps: [SFTPExchange.Step], in call: SFTPCall
  ) async throws(BackendError) -> [SFTPReply] {
    do throws(SFTPFailure) {
      return try await call.run(steps)
    } catch {
      throw failure(error)
    }
  }

  /// The reply to `request`.
  func reply(to request: SFTPRequest, in call: SFTPCall) async throws(BackendError) -> SFTPReply {
    try await replies(to: [.request(request)], in: call).first ?? .skipped
  }

  /// The status that answers `request`.
  func outcome(of request: SFTPRequest, in call: SFTPCall) async throws(BackendError) -> SFTPStatus {
    try await reply(to: request, in: call).status
  }

  /// The size of `file`, which is a plain file.
  func status(of file: BackendFile, in call: SFTPCall) async throws(BackendError) -> Int {
    switch try await reply(to: .linkStatus(paths.path(of: file)), in: call) {
    case .attributes(let attributes):
      if file == .config { memory.noteConfig(attributes) }
      let byteCount = try byteCount(attributes, of: file)
      memory.note(file, size: byteCount)
      return byteCount
    case .status(let status):
      memory.note(file, size: nil)
      throw try await failure(status, "look for \(file)", file, in: call)
    default:
      throw unexpected("look for \(file)")
    }
  }

  /// The size in `attributes`, which must be those of a plain file.
  func byteCount(_ attributes: SFTPAttributes, of file: BackendFile) throws(BackendError) -> Int {
    if let kind = attributes.irregularKind {
      memory.note(file, size: nil)
      throw .irregular(file, kind: kind)
    }
    guard let byteCount = attributes.byteCount.flatMap(Int.init(exactly:)) else {
      throw .denied("\(host) does not report the size of \(file)")
    }
    return byteCount
  }

  /// The space where the repository is; nil if the server cannot tell.
  func fileSystem(in call: SFTPCall) async throws(BackendError) -> SFTPFileSystem? {
    guard call.has(.fileSystem) else { return nil }
    switch try await reply(to: .fileSystem(paths.root), in: call) {
    case .extended(let bytes):
      do throws(SFTPPacketError) {
        return try SFTPFileSystem(bytes)
      } catch {
        throw unexpected("report its free space")
      }
    case .status(let status) where status.code == .noSuchFile:
      throw missing
    default:
      return nil
    }
  }
}

extension SFTPReply {
  /// The status, if the reply is one; otherwise `failure`.
  var status: SFTPStatus {
    if case .status(let status) = self { status } else { SFTPStatus(.failure) }
  }

  /// The handle, if the reply is one.
  var handle: SFTPHandle? {
    if case .handle(let handle) = self { handle } else { nil }
  }

  /// The attributes, if the reply has them.
  var attributes: SFTPAttributes? {
    if case .attributes(let attributes) = self { attributes } else { nil }
  }
}
