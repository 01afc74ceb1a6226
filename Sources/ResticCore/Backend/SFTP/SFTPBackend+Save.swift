/// Saving: a temporary file | its bytes, its mode, fsync, close | rename, fsync of its folder. Three rounds.
extension SFTPBackend {
  /// The handles that are open while a file is being saved.
  private struct Upload {
    let temporary: String
    let handle: SFTPHandle
    /// The folder, for its fsync; nil if the server does not support that.
    let folder: SFTPHandle?
  }

  /// Takes three rounds, more if a folder is missing or `file` is the config. A file of that name with the same bytes
  /// counts as saved.
  public func save(_ file: BackendFile, _ bytes: PooledBytes) async throws(BackendError) {
    let call = try await begin()
    // `config` is not named for its content, so a server that replaces files must not get it twice.
    if file == .config, try await isThere(file, in: call) {
      return try await compare(file, with: bytes, in: call)
    }
    let upload = try await open(anew: file, in: call)
    defer { if let folder = upload.folder { call.post([.close(folder)]) } }
    do throws(BackendError) {
      try await fill(upload, with: bytes, for: file, in: call)
      guard try await publish(upload, as: file, bytes, in: call) else {
        call.post([.remove(upload.temporary)])
        return
      }
    } catch {
      // The first error is the one to report; a temporary file that stays is invisible.
      call.post([.remove(upload.temporary)])
      throw error
    }
    memory.note(file, size: bytes.byteCount)
    if file == .config { memory.noteConfig(memory.modes ?? .owner) }
  }

  /// The first round. Makes a missing folder first, but only in an existing repository.
  private func open(anew file: BackendFile, in call: SFTPCall) async throws(BackendError) -> Upload {
    do throws(BackendError) {
      return try await open(file, in: call)
    } catch .notFound {
      try await makeFolders(for: file, in: call)
      return try await open(file, in: call)
    }
  }

  /// Throws `.notFound` if the folder is missing.
  private func open(_ file: BackendFile, in call: SFTPCall) async throws(BackendError) -> Upload {
    let temporary = paths.temporaryPath(for: file)
    var steps: [SFTPExchange.Step] = [.request(.open(temporary, .create, mode: 0o600))]
    let hasFolder = call.has(.synchronize)
    if hasFolder { steps.append(.request(.open(paths.folder(of: file), .read, mode: nil))) }
    if memory.modes == nil { steps.append(.request(.linkStatus(paths.path(of: .config)))) }
    let replies: [SFTPReply]
    do throws(BackendError) {
      replies = try await self.replies(to: steps, in: call)
    } catch {
      // The file may have been created.
      call.post([.remove(temporary)])
      throw error
    }
    if memory.modes == nil, let attributes = replies.last?.attributes { memory.noteConfig(attributes) }
    let folder = hasFolder ? replies[1].handle : nil
    guard let handle = replies[0].handle else {
      if let folder { call.post([.close(folder)]) }
      let status = replies[0].status
      if status.code == .noSuchFile { throw .notFound(file) }
      throw try await failure(status, "save \(file)", file, byteCount: 1, in: call)
    }
    if folder == nil {
      memory.tell("\(host) cannot make names durable: a power cut there may lose the latest snapshots")
    }
    return Upload(temporary: temporary, handle: handle, folder: folder)
  }

  /// The second round.
  private func fill(
    _ upload: Upload, with bytes: PooledBytes, for file: BackendFile, in call: SFTPCall
  ) async throws(BackendError) {
    let isDurable = call.has(.synchronize)
    var steps: [SFTPExchange.Step] = [
      .write(upload.handle, bytes),
      // The file system may have no modes; restic ignores that too.
      .request(.setMode(upload.handle, (memory.modes ?? .owner).file)),
    ]
    if isDurable {
      steps.append(.request(.synchronize(upload.handle)))
    } else {
      memory.tell("\(host) cannot make files durable: a power cut there may lose the latest snapshots")
    }
    steps.append(.request(.close(upload.handle)))
    let replies = try await replies(to: steps, in: call)
    let statuses = [replies[0].status, isDurable ? replies[2].status : .ok, replies[steps.count - 1].status]
    for (index, status) in statuses.enumerated() where !(status.code == .ok || index == 1 && status.isDurable) {
      throw try await failure(status, "save \(file)", nil, byteCount: bytes.byteCount, in: call)
    }
  }

  /// The third round. Returns false if `file` already exists with the same bytes.
  private func publish(
    _ upload: Upload, as file: BackendFile, _ bytes: PooledBytes, in call: SFTPCall
  ) async throws(BackendError) -> Bool {
    var requests: [SFTPRequest] = [.rename(upload.temporary, to: paths.path(of: file))]
    if let folder = upload.folder { requests.append(.synchronize(folder)) }
    let replies = try await replies(to: requests.map { .request($0) }, in: call)
    let renamed = replies[0].status
    guard renamed.code == .ok else {
      guard try await isThere(file, in: call) else {
        throw try await failure(renamed, "save \(file)", nil, byteCount: 1, in: call)
      }
      // The client that gave the file its name may have died before the name was durable.
      try await compare(file, with: bytes, in: call)
      return false
    }
    if replies.count > 1, !replies[1].status.isDurable {
      // A file that a power cut may take away must not look saved.
      call.post([.remove(paths.path(of: file))])
      throw try await failure(replies[1].status, "make \(file) durable", nil, byteCount: 1, in: call)
    }
    return true
  }

  private func isThere(_ file: BackendFile, in call: SFTPCall) async throws(BackendError) -> Bool {
    do throws(BackendError) {
      _ = try await status(of: file, in: call)
      return true
    } catch .notFound {
      return false
    }
  }
}
