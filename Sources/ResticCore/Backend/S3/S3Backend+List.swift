extension S3Backend {
  /// The size limit of a page; a page of a thousand keys has some 400 KiB.
  private static let pageByteLimit = 8 << 20
  /// How many bytes of a list `BackendFileType.listByteLimit` allows for a file.
  private static let bytesPerFile = 100
  /// The most consecutive pages without a key that are requested from a server that says there is more.
  private static let mostEmptyPages = 16

  func list(_ type: BackendFileType) async throws(BackendError) -> [BackendEntry] {
    guard type != .config else { return try await listConfig() }
    let folder = location.folderKey(of: type)
    let keyLimit = type.listByteLimit / Self.bytesPerFile
    var entries: [BackendEntry] = []
    var keyCount = 0
    var emptyCount = 0
    var next: String?
    while true {
      let page = try await page(of: type, folder, after: next)
      keyCount += page.entries.count
      emptyCount += page.entries.isEmpty ? 1 : 0
      guard keyCount <= keyLimit, emptyCount <= Self.mostEmptyPages else {
        throw .denied("\(location): the list of \(type.rawValue) is too long: more than \(keyLimit) files")
      }
      for entry in page.entries {
        guard entry.key.utf8.starts(with: folder.utf8) else {
          throw .denied("\(location.origin) lists keys that were not requested: is it an S3 server?")
        }
        if let file = Self.file(type, entry.key.utf8.dropFirst(folder.utf8.count)) {
          entries.append(BackendEntry(file: file, byteCount: entry.byteCount))
        }
      }
      guard page.isTruncated else { return entries }
      guard let following = options.usesFirstListing ? page.lastKey : page.nextToken, following != next else {
        throw .unavailable("\(location.origin) does not say where the list of \(type.rawValue) continues")
      }
      next = following
    }
  }

  private func page(
    of type: BackendFileType, _ folder: String, after next: String?
  ) async throws(BackendError) -> S3Listing {
    var items = [(name: "encoding-type", value: "url"), ("prefix", folder)]
    if !options.usesFirstListing { items.append(("list-type", "2")) }
    if let next { items.append((options.usesFirstListing ? "marker" : "continuation-token", next)) }
    let operation = "list \(type.rawValue)"
    let response = try await send(
      S3Request(method: .get, query: S3Query(items), room: .upTo(Self.pageByteLimit)), operation, nil)
    guard case .taken(let text) = response.body else {
      throw .denied(
        "\(location.origin): a page of the list of \(type.rawValue) has more than \(Self.pageByteLimit) bytes")
    }
    do throws(FormatError) {
      return try S3Listing(text, prefix: folder)
    } catch {
      throw .denied(
        "\(location.origin) did not answer with a list of \(type.rawValue): is it an S3 server? (\(error))"
      )
    }
  }

  /// The file of `type` whose key ends with `name` after the folder's key; nil if it is not a file of a repository.
  private static func file(_ type: BackendFileType, _ name: Substring.UTF8View.SubSequence) -> BackendFile? {
    guard type == .data else { return BackendFile(type: type, name: String(Substring(name))) }
    guard let file = BackendFile(type: type, name: String(Substring(name.dropFirst(3)))),
      name.starts(with: "\(file.name.prefix(2))/".utf8)
    else { return nil }
    return file
  }

  private func listConfig() async throws(BackendError) -> [BackendEntry] {
    do throws(BackendError) {
      return [BackendEntry(file: .config, byteCount: try await byteCount(of: .config))]
    } catch .notFound {
      return []
    }
  }
}
