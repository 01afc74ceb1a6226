import ResticCore

/// A stored file that is read in pieces, with one blob in memory at a time.
struct StoredFile: Sendable {
  private let repository: Repository
  private let blobs: [(id: BlobID, range: Range<Int>)]
  /// Its size in bytes.
  let byteCount: Int

  /// The content of `node`; nil unless it is a regular file of the same length as its blobs, which must all be known.
  init?(_ node: Node, in repository: Repository) {
    guard node.type == .file else { return nil }
    var blobs: [(id: BlobID, range: Range<Int>)] = []
    var end = 0
    for id in node.content {
      guard let count = repository.blobByteCount(id, type: .data) else { return nil }
      blobs.append((id, end..<end + count))
      end += count
    }
    guard UInt64(end) == node.size else { return nil }
    self.repository = repository
    self.blobs = blobs
    byteCount = end
  }

  /// Calls `body` with consecutive pieces, which together are the file.
  func forEachPiece(_ body: ([UInt8]) throws -> Void) async throws {
    for blob in blobs { try body(try await load(blob)) }
  }

  /// The bytes in `range`, which must be inside the file.
  func bytes(in range: Range<Int>) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    for blob in blobs where blob.range.overlaps(range) {
      let wanted = blob.range.clamped(to: range)
      let content = try await load(blob)
      bytes += content[(wanted.lowerBound - blob.range.lowerBound)..<(wanted.upperBound - blob.range.lowerBound)]
    }
    return bytes
  }

  /// A blob. Throws `.damaged` if its length is not the one that the index stated when the file was opened.
  private func load(_ blob: (id: BlobID, range: Range<Int>)) async throws -> [UInt8] {
    let content = try await repository.loadBlob(blob.id, type: .data)
    guard content.count == blob.range.count else {
      throw RepositoryError.damaged(
        "blob \(blob.id.short) has \(content.count) bytes, and an index file says \(blob.range.count)")
    }
    return content
  }
}
