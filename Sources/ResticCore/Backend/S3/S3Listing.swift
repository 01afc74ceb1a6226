/// One page of a server's list of keys.
///
///     <ListBucketResult> <IsTruncated>true</IsTruncated> <NextContinuationToken>…</NextContinuationToken>
///       <EncodingType>url</EncodingType> <Contents> <Key>vault/locks/1a2b…</Key> <Size>155</Size> </Contents> …
///
/// Source: AWS, S3 API Reference, ListObjectsV2 and ListObjects.
struct S3Listing: Hashable, Sendable {
  /// A key and the size of what is stored under it.
  struct Entry: Hashable, Sendable {
    let key: String
    let byteCount: Int
  }

  /// The listed keys, decoded.
  private(set) var entries: [Entry] = []
  /// Whether there is more.
  private(set) var isTruncated = false
  /// The token of the next page in version 2; in version 1, the marker, if the server sends one.
  private(set) var nextToken: String?
  private(set) var nextMarker: String?

  /// The page in `text`, which was requested with `prefix`.
  ///
  /// rclone encodes keys without saying so, which shows in its spelling of the prefix.
  init(_ text: PooledBytes, prefix: String) throws(FormatError) {
    var reader = Reader()
    try text.withUnsafeBytes { bytes throws(FormatError) in
      try XMLScanner.scan(bytes) { reader.take($0) }
    }
    guard reader.isList else { throw FormatError("it is not a ListBucketResult") }
    let isPrefixEncoded = reader.prefix.map {
      !$0.hasBytes(of: prefix) && Self.decoded($0, true)?.hasBytes(of: prefix) == true
    }
    let isEncoded = reader.encoding == "url" || isPrefixEncoded == true
    for entry in reader.entries {
      // A key that is not UTF-8 is no file of a repository.
      guard let key = Self.decoded(entry.key, isEncoded) else { continue }
      guard let byteCount = Int(entry.size), byteCount >= 0 else {
        throw FormatError("the size of a file cannot be read")
      }
      entries.append(Entry(key: key, byteCount: byteCount))
    }
    isTruncated = reader.isTruncated
    // A token is opaque and is not decoded; a marker is a key.
    nextToken = reader.token
    nextMarker = try reader.marker.map { marker throws(FormatError) in
      guard let key = Self.decoded(marker, isEncoded) else { throw FormatError("the next marker cannot be read") }
      return key
    }
  }

  /// The marker of the next page in version 1. Without a delimiter, servers do not send it.
  var lastKey: String? { nextMarker ?? entries.last?.key }

  /// Some servers write a space as `+`.
  private static func decoded(_ text: String, _ isEncoded: Bool) -> String? {
    isEncoded ? PercentCoding.decoded(text.replacing("+", with: "%20")) : text
  }

  /// Follows the elements of a page.
  private struct Reader {
    var entries: [(key: String, size: String)] = []
    var encoding: String?
    var prefix: String?
    var isTruncated = false
    var token: String?
    var marker: String?
    var isList = false
    private var path: [String] = []
    private var key: String?
    private var size: String?

    mutating func take(_ event: XMLScanner.Event) {
      switch event {
      case .begin(let name):
        path.append(name)
        if path == ["ListBucketResult"] { isList = true }
        if path == ["ListBucketResult", "Contents"] { (key, size) = (nil, nil) }
      case .end(let name, let text):
        take(name, text)
        path.removeLast()
      }
    }

    private mutating func take(_ name: String, _ text: String) {
      guard path.first == "ListBucketResult" else { return }
      switch (path.count, name) {
      case (3, "Key") where path[1] == "Contents": key = text
      case (3, "Size") where path[1] == "Contents": size = text
      case (2, "Contents"): entries.append((key ?? "", size ?? ""))
      case (2, "IsTruncated"): isTruncated = text == "true"
      case (2, "NextContinuationToken"): token = text.isEmpty ? nil : text
      case (2, "NextMarker"): marker = text.isEmpty ? nil : text
      case (2, "EncodingType"): encoding = text
      case (2, "Prefix"): prefix = text
      default: return
      }
    }
  }
}
