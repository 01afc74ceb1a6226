/// Where requests name the bucket.
enum BucketLookup: String, Hashable, Sendable {
  /// In the host if the server is known to support that, otherwise in the path.
  case auto
  /// In the host: `bucket.host/key`.
  case dns
  /// In the path: `host/bucket/key`.
  case path
}

/// The server and the paths for requests to a bucket.
struct S3Endpoint: Hashable, Sendable {
  /// The server.
  let origin: HTTPOrigin
  /// `/`, or `/bucket/`.
  let path: String

  /// The endpoint for the bucket of `location` in `region`, a valid region.
  ///
  /// For Amazon, the region's host is used. Any other host stays: a region that a server names leads only to Amazon's
  /// hosts.
  init(_ location: S3Location, in region: String, lookup: BucketLookup) {
    let named = location.origin
    let host = AmazonHost(named.host)?.name(in: region) ?? named.host
    if Self.isInHost(location, lookup) {
      origin = HTTPOrigin(scheme: named.scheme, host: "\(location.bucket).\(host)", port: named.port)
      path = "/"
    } else {
      origin = HTTPOrigin(scheme: named.scheme, host: host, port: named.port)
      path = "/\(PercentCoding.strict(location.bucket))/"
    }
  }

  /// The path of `key`, encoded.
  func path(of key: String) -> String { path + PercentCoding.strict(key, keepsSlashes: true) }

  /// Source: minio-go, pkg/s3utils: Amazon, Google and Aliyun; their certificates cover one more label, so a bucket
  /// with a dot must be in the path.
  private static func isInHost(_ location: S3Location, _ lookup: BucketLookup) -> Bool {
    let host = location.origin.host
    switch lookup {
    case .path: return false
    case .dns: return isHostName(location.bucket)
    case .auto:
      let isKnown = AmazonHost(host) != nil || host == "storage.googleapis.com" || host.hasSuffix(".aliyuncs.com")
      let isCertified = location.origin.scheme == .http || !location.bucket.utf8.contains(UInt8(ascii: "."))
      return isKnown && isCertified && isHostName(location.bucket)
    }
  }

  private static func isHostName(_ bucket: String) -> Bool {
    bucket.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (0x30...0x39).contains(byte)
        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }
  }
}
