/// Loading.
extension SFTPBackend {
  /// How often a file may change while it is read as a whole.
  private static let tries = 3

  /// Takes two rounds if the file's size is remembered, three otherwise. Throws `.unavailable` if a whole file keeps
  /// changing while it is read.
  public func load(_ file: BackendFile, range: Range<Int>?) async throws(BackendError) -> PooledBytes {
    precondition((range?.lowerBound ?? 0) >= 0, "a range begins in the file")
    let call = try await begin()
    var size: Int
    if let known = memory.size(of: file) { size = known } else { size = try await status(of: file, in: call) }
    for _ in 0..<Self.tries {
      if range == nil, size > file.type.wholeByteLimit { throw .tooLarge(file, byteCount: size) }
      let wanted = range ?? 0..<size
      guard wanted.upperBound <= size else {
        // The remembered size may be old.
        let now = try await status(of: file, in: call)
        guard wanted.upperBound <= now else { throw .truncated(file) }
        size = now
        continue
      }
      let (bytes, now) = try await read(file, wanted, in: call)
      if let bytes, range != nil || now == size { return bytes }
      size = now
    }
    throw .unavailable("\(file) on \(host) changes while it is read")
  }

  /// The bytes of `file` in `range`, nil if it ends before, and its size. Takes two rounds: open, then read and stat.
  private func read(
    _ file: BackendFile, _ range: Range<Int>, in call: SFTPCall
  ) async throws(BackendError) -> (PooledBytes?, byteCount: Int) {
    let operation = "load \(file)"
    let opened = try await reply(to: .open(paths.path(of: file), .read, mode: nil), in: call)
    guard let handle = opened.handle else {
      memory.note(file, size: nil)
      throw try await failure(opened.status, operation, file, in: call)
    }
    defer { call.post([.close(handle)]) }
    let bytes = PooledBytes(capacity: range.count)
    let replies = try await replies(
      to: [.request(.handleStatus(handle)), .read(handle, range, bytes)], in: call)
    guard let attributes = replies[0].attributes else {
      throw try await failure(replies[0].status, operation, file, in: call)
    }
    let byteCount = try byteCount(attributes, of: file)
    memory.note(file, size: byteCount)
    switch replies[1].status.code {
    case .ok where bytes.byteCount == range.count: return (bytes, byteCount)
    case .ok,
      .endOfFile where byteCount < range.upperBound:
      return (nil, byteCount)
    default: throw try await failure(replies[1].status, operation, file, in: call)
    }
  }

  /// Throws `.alreadyExists` unless the stored `file` is exactly `bytes`, and makes the file and its name durable: its
  /// writer may have died before they were.
  func compare(_ file: BackendFile, with bytes: PooledBytes, in call: SFTPCall) async throws(BackendError) {
    guard try await status(of: file, in: call) == bytes.byteCount else { throw .alreadyExists(file) }
    var position = 0
    while position < bytes.byteCount {
      let range = position..<min(position + Self.comparedByteCount, bytes.byteCount)
      guard let stored = try await read(file, range, in: call).0,
        bytes.withUnsafeBytes({ expected in
          stored.withUnsafeBytes { $0.isEqual(to: UnsafeRawBufferPointer(rebasing: expected[range])) }
        })
      else { throw .alreadyExists(file) }
      position = range.upperBound
    }
    try await synchronize(file, in: call)
    try await synchronizeFolder(paths.folder(of: file), in: call)
  }

  /// How many bytes are compared at a time.
  private static let comparedByteCount = 4 << 20

  /// Makes an existing file durable.
  private func synchronize(_ file: BackendFile, in call: SFTPCall) async throws(BackendError) {
    guard call.has(.synchronize) else { return }
    let opened = try await reply(to: .open(paths.path(of: file), .read, mode: nil), in: call)
    guard let handle = opened.handle else {
      throw try await failure(opened.status, "make \(file) durable", file, in: call)
    }
    defer { call.post([.close(handle)]) }
    let status = try await outcome(of: .synchronize(handle), in: call)
    guard status.isDurable else { throw try await failure(status, "make \(file) durable", file, in: call) }
  }
}

extension SFTPStatus {
  /// Whether the file is durable, as far as the server can do that: an unsupported fsync is ignored, as in restic.
  var isDurable: Bool { code == .ok || code == .unsupported || code == .badMessage }
}
