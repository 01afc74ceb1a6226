/// A server's list of the files of one type.
///
///     v1: ["1a2b…", …]    v2: [{"name":"1a2b…","size":4711}, …]
///
/// Only the Content-Type tells which of the two it is. Names that are not ids are skipped.
/// Source: restic, doc/REST_backend.rst.
enum RESTListing {
  /// The type that requests accept, and the Content-Type of a list of version 2.
  static let contentType = "application/vnd.x.restic.rest.v2"

  /// The files in a list of version 2.
  static func entries(of type: BackendFileType, in text: PooledBytes) throws(FormatError) -> [BackendEntry] {
    try elements(of: text) { reader throws(FormatError) in
      var name = ""
      var byteCount: Int64 = 0
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "name" {
          name = try reader.string()
        } else if key == "size" {
          byteCount = try reader.number()
        } else {
          try reader.skipValue()
        }
      }
      guard byteCount >= 0 else { throw reader.error("a negative file size") }
      return BackendFile(type: type, name: name).map { BackendEntry(file: $0, byteCount: Int(byteCount)) }
    }
  }

  /// The files in a list of version 1, which has no sizes.
  static func files(of type: BackendFileType, in text: PooledBytes) throws(FormatError) -> [BackendFile] {
    try elements(of: text) { reader throws(FormatError) in BackendFile(type: type, name: try reader.string()) }
  }

  /// The non-nil results of `element` for the elements of the list. A Go server writes `null` for an empty list.
  private static func elements<Element>(
    of text: PooledBytes, _ element: (inout GoJSON.Reader) throws(FormatError) -> Element?
  ) throws(FormatError) -> [Element] {
    try text.withUnsafeBytes { bytes throws(FormatError) in
      try GoJSON.read(bytes, "list") { reader throws(FormatError) in
        var elements: [Element] = []
        if try reader.skipNull() { return elements }
        var array = try reader.beginArray()
        while try reader.nextElement(&array) {
          if let element = try element(&reader) { elements.append(element) }
        }
        return elements
      }
    }
  }
}
