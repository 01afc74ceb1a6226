internal import CNghttp2

/// Header fields for libnghttp2, which copies them.
enum HTTP2Fields {
  /// The result of `body`, which gets `fields`, names in lower case first.
  static func with<Result>(
    _ fields: [(String, String)], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> Result
  ) -> Result {
    var text: [UInt8] = []
    for (name, value) in fields { text += Array(name.utf8) + Array(value.utf8) }
    return text.withUnsafeMutableBufferPointer { text in
      var offset = 0
      let pairs = fields.map { name, value in
        let start = text.baseAddress.map { $0 + offset }
        let (nameCount, valueCount) = (name.utf8.count, value.utf8.count)
        offset += nameCount + valueCount
        return nghttp2_nv(
          name: start, value: start.map { $0 + nameCount }, namelen: nameCount, valuelen: valueCount,
          flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
      }
      return pairs.withUnsafeBufferPointer(body)
    }
  }
}
