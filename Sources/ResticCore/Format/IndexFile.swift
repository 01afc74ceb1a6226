/// An index file: which packs hold which blobs.
///
/// Index files are restic's largest files, with up to 50,000 blobs each, and all of them are read before anything else.
/// So decoding goes straight from the buffer to the values.
public struct IndexFile: Hashable, Sendable {
  /// One pack and its blobs.
  public struct Pack: Hashable, Sendable {
    /// The pack's name, which is the hash of its file.
    public var id: PackID
    /// The blobs, in any order.
    public var blobs: [PackBlob]

    /// A pack with its blobs; the blobs' ranges are not checked here.
    public init(id: PackID, blobs: [PackBlob]) {
      self.id = id
      self.blobs = blobs
    }
  }

  /// The packs that this index file lists, in the file's order. A pack may be listed by several index files.
  public var packs: [Pack]
  /// Index files that this one replaces. Old versions of restic wrote them; new ones delete the files instead.
  public var supersedes: [IndexID]

  /// An index file of these packs. restic's limit of 50,000 blobs a file is the caller's to keep.
  public init(packs: [Pack] = [], supersedes: [IndexID] = []) {
    self.packs = packs
    self.supersedes = supersedes
  }

  /// The file's plaintext: JSON in restic's order and a newline. `supersedes` is left out if it is empty.
  public func encode() -> [UInt8] {
    let blobCount = packs.reduce(0) { $0 + $1.blobs.count }
    var writer = GoJSON.Writer(capacity: 64 + packs.count * 96 + blobCount * 160)
    writer.literal("{")
    if !supersedes.isEmpty {
      writer.literal("\"supersedes\":[")
      for (index, id) in supersedes.enumerated() {
        if index > 0 { writer.literal(",") }
        writer.id(id)
      }
      writer.literal("],")
    }
    writer.literal("\"packs\":[")
    for (index, pack) in packs.enumerated() {
      writer.literal(index > 0 ? ",{\"id\":" : "{\"id\":")
      writer.id(pack.id)
      writer.literal(",\"blobs\":[")
      for (index, blob) in pack.blobs.enumerated() {
        if index > 0 { writer.literal(",") }
        Self.write(blob, to: &writer)
      }
      writer.literal("]}")
    }
    writer.literal("]}\n")
    return writer.finish()
  }

  private static func write(_ blob: PackBlob, to writer: inout GoJSON.Writer) {
    writer.literal("{\"id\":")
    writer.id(blob.id)
    writer.literal(blob.type == .data ? ",\"type\":\"data\",\"offset\":" : ",\"type\":\"tree\",\"offset\":")
    writer.number(blob.offset)
    writer.literal(",\"length\":")
    writer.number(blob.length)
    if let uncompressedLength = blob.uncompressedLength {
      writer.literal(",\"uncompressed_length\":")
      writer.number(uncompressedLength)
    }
    writer.literal("}")
  }
}
