/// Making folders.
extension SFTPBackend {
  /// Makes the repository's folder, those above it, and restic's default layout, each level in one round.
  public func create() async throws(BackendError) {
    let call = try await begin()
    try await makeFolders(paths.rootAndAbove, in: call)
    try await makeFolders(paths.typeFolders, in: call)
    try await makeFolders(paths.dataFolders, in: call)
  }

  /// Makes the folder for `file`. Throws `.missing` if there is no repository: a file for a disk that is not mounted
  /// must not end up below its mountpoint.
  func makeFolders(for file: BackendFile, in call: SFTPCall) async throws(BackendError) {
    let typeFolder = paths.typeFolder(of: file.type)
    let replies = try await replies(
      to: [paths.root, typeFolder, paths.path(of: .config)].map { .request(.status($0)) }, in: call)
    guard replies[0].attributes != nil else { throw missing }
    guard file.type != .config, replies.dropFirst().contains(where: { $0.attributes != nil }) else {
      throw .missing("\(paths.root) on \(host) holds no restic repository (is its disk mounted?)")
    }
    try await makeFolders([typeFolder], in: call)
    if file.type == .data { try await makeFolders([paths.folder(of: file)], in: call) }
  }

  /// Makes the missing ones of `folders`, each after those above it, and makes them durable.
  private func makeFolders(_ folders: [String], in call: SFTPCall) async throws(BackendError) {
    let mode = (memory.modes ?? .owner).folder
    let made = try await replies(to: folders.map { .request(.makeFolder($0, mode: mode)) }, in: call)
    var new: [String] = []
    var others: [(folder: String, status: SFTPStatus)] = []
    for (folder, reply) in zip(folders, made) {
      if reply.status.code == .ok { new.append(folder) } else { others.append((folder, reply.status)) }
    }
    // Servers do not say whether a folder could not be made because it exists.
    let looked = try await replies(to: others.map { .request(.status($0.folder)) }, in: call)
    for (other, reply) in zip(others, looked) where reply.attributes?.isFolder != true {
      throw try await failure(other.status, "make the folder \(other.folder)", nil, byteCount: 1, in: call)
    }
    // The server's umask has reduced the mode.
    _ = try await replies(to: new.map { .request(.setModeOf($0, mode)) }, in: call)
    for parent in Set(new.map(Self.parent)).sorted() { try await synchronizeFolder(parent, in: call) }
  }

  private static func parent(_ folder: String) -> String {
    let names = folder.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    return names.isEmpty ? "." : names == [""] ? "/" : names.joined(separator: "/")
  }

  /// Makes the names in `folder` durable, if the server supports that.
  func synchronizeFolder(_ folder: String, in call: SFTPCall) async throws(BackendError) {
    guard call.has(.synchronize) else { return }
    let opened = try await reply(to: .open(folder, .read, mode: nil), in: call)
    guard let handle = opened.handle else {
      memory.tell("\(host) cannot make names durable: a power cut there may lose the latest snapshots")
      return
    }
    defer { call.post([.close(handle)]) }
    let status = try await outcome(of: .synchronize(handle), in: call)
    guard status.isDurable else {
      throw try await failure(status, "make the names in \(folder) durable", nil, in: call)
    }
  }
}
