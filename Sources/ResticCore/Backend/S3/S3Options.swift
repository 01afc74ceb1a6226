/// The options of an S3 server. Source: restic, internal/backend/s3/config.go.
struct S3Options: StorageOptions, Hashable {
  let connections: Int
  /// The bucket's region; nil if it is not set.
  private(set) var region: String?
  /// The storage class of new files; nil: the bucket's own.
  let storageClass: String?
  /// Where requests name the bucket.
  let lookup: BucketLookup
  /// Whether lists use version 1 of the request.
  let usesFirstListing: Bool
  /// Whether requests are not signed.
  let isAnonymous: Bool
  /// Whether every listing shows everything that was saved before the listing began: `s3.immediate-listings`, which
  /// restic does not have; nil if it is not set.
  let hasImmediateListings: Bool?

  /// restic's classes whose files must be restored hours before they can be read.
  private static let archiveClasses: Set<String> = ["GLACIER", "DEEP_ARCHIVE"]

  init(_ values: inout OptionValues) throws(OptionError) {
    connections = try values.connections()
    region = try values.value("region", expected: "the name of a region, such as eu-west-1") {
      S3Region.isValid($0) ? $0 : nil
    }
    storageClass = try values.value(
      "storage-class",
      expected:
        "a class whose files can be read at once, such as STANDARD_IA or GLACIER_IR: a mount reads files that it has stored"
    ) { S3Region.isValid($0) && !Self.archiveClasses.contains($0.uppercased()) ? $0 : nil }
    lookup =
      try values.value("bucket-lookup", expected: "auto, dns or path") {
        $0.isEmpty ? .auto : BucketLookup(rawValue: $0.lowercased())
      } ?? .auto
    usesFirstListing = try values.flag("list-objects-v1") ?? false
    isAnonymous = try values.flag("unsafe-anonymous-auth") ?? false
    hasImmediateListings = try values.flag("immediate-listings")
    try values.requireDefaultLayout()
    try Self.refuseUnsupported(&values)
  }

  /// Refuses options of restic that would have no effect, so that nobody relies on them.
  private static func refuseUnsupported(_ values: inout OptionValues) throws(OptionError) {
    let archives = "files are not brought back from an archive; restic can do that"
    try values.accept("enable-restore", expected: "false: \(archives)") {
      ["", "0", "f", "false"].contains($0.lowercased())
    }
    try values.refuse("restore-days", "restore-timeout", "restore-tier", reason: archives)
    try values.refuse("retries", reason: "a failed call is retried for 15 minutes on every storage")
  }

  /// The same options, with `region` if they name none and `region` is valid.
  func withDefault(region: String?) -> S3Options {
    var copy = self
    copy.region = self.region ?? region.flatMap { S3Region.isValid($0) ? $0 : nil }
    return copy
  }
}
