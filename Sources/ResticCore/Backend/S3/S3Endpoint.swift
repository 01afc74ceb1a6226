/// How a bucket is named in requests.
enum BucketLookup: String, Hashable, Sendable {
  /// In the host where the server is known to take that, else in the path.
  case auto
  /// In the host: `bucket.host/key`.
  case dns
  /// In the path: `host/bucket/key`.
  case path
}

/// Where a bucket is asked for: which server, and what its paths begin with.
struct S3Endpoint: Hashable, Sendable {
  /// The server.
  let origin: HTTPOrigin
  /// `/`, or `/bucket/`.
  let path: String

  /// Where the bucket of `location` is asked for in `region`, a valid one.
  ///
  /// Of Amazon's hosts the one of the region is taken. Everybody else's stays: a region that a server names leads to no other
  /// host but Amazon's.
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

  /// Source: minio-go, pkg/s3utils: Amazon, Google and Aliyun; a certificate of theirs is for names of one label more, so that
  /// a bucket with a dot has to be in the path.
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
