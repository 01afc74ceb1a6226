extension IndexFile {
  /// The index whose plaintext is `bytes`.
  ///
  /// Refuses a blob of an unknown type, a blob that is shorter than its seal or that ends beyond 4 GiB, and packs or
  /// blobs without an id. Ignores unknown members.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> IndexFile {
    try GoJSON.read(bytes, "index") { reader throws(FormatError) in
      var index = IndexFile()
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "packs" {
          index.packs = try reader.array { reader throws(FormatError) in try pack(&reader) }
        } else if key == "supersedes" {
          index.supersedes = try reader.array { reader throws(FormatError) in try reader.id() }
        } else {
          try reader.skipValue()
        }
      }
      return index
    }
  }

  private static func pack(_ reader: inout GoJSON.Reader) throws(FormatError) -> Pack {
    var id: PackID?
    var blobs: [PackBlob] = []
    var object = try reader.beginObject()
    while let key = try reader.nextKey(&object) {
      if key == "id" {
        id = try reader.id()
      } else if key == "blobs" {
        blobs = []
        if try reader.skipNull() { continue }
        var array = try reader.beginArray()
        while try reader.nextElement(&array) { blobs.append(try blob(&reader)) }
      } else {
        try reader.skipValue()
      }
    }
    guard let id else { throw reader.error("a pack without an id, before") }
    return Pack(id: id, blobs: blobs)
  }

  @inline(__always)
  private static func blob(_ reader: inout GoJSON.Reader) throws(FormatError) -> PackBlob {
    var id: BlobID?
    var type: BlobType?
    var offset: UInt32 = 0
    var length: UInt32 = 0
    var uncompressedLength: UInt32 = 0
    var object = try reader.beginObject()
    while let key = try reader.nextKey(&object) {
      if key == "id" {
        id = try reader.id()
      } else if key == "type" {
        type = try blobType(&reader)
      } else if key == "offset" {
        offset = try reader.number()
      } else if key == "length" {
        length = try reader.number()
      } else if key == "uncompressed_length" {
        uncompressedLength = try reader.number()
      } else {
        try reader.skipValue()
      }
    }
    guard let id else { throw reader.error("a blob without an id, before") }
    guard let type else { throw reader.error("a blob without a type, before") }
    let blob = PackBlob(
      id: id, type: type, offset: offset, length: length,
      uncompressedLength: uncompressedLength == 0 ? nil : uncompressedLength)
    guard blob.checkedEnd != nil else { throw reader.error("a blob of impossible length, before") }
    return blob
  }

  @inline(__always)
  private static func blobType(_ reader: inout GoJSON.Reader) throws(FormatError) -> BlobType {
    let token = try reader.stringToken()
    let text = UnsafeRawBufferPointer(rebasing: reader.bytes[token.range])
    if GoJSON.isEqual(text, "data") { return .data }
    if GoJSON.isEqual(text, "tree") { return .tree }
    throw reader.error("an unknown blob type, before")
  }
}
