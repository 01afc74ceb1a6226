/// A host of Amazon's S3, whose name contains the region that it serves.
///
///     s3.amazonaws.com   s3.eu-west-1.amazonaws.com   s3.dualstack.eu-west-1.amazonaws.com   s3-eu-west-1.amazonaws.com
///     s3-fips.us-east-2.amazonaws.com   s3.cn-north-1.amazonaws.com.cn   bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com
///
/// Source: AWS General Reference, "Amazon S3 endpoints and quotas".
struct AmazonHost: Sendable {
  /// The region in the name; nil if the name has none.
  let region: String?
  /// The text before and after the region in such names; nil if other regions have no such name.
  private let frame: (before: String, after: String)?

  /// The host `name`, which is in lower case; nil if it is not Amazon's.
  init?(_ name: String) {
    guard let suffix = ["amazonaws.com", "amazonaws.com.cn"].first(where: { name.hasSuffix(".\($0)") }) else {
      return nil
    }
    let labels = name.dropLast(suffix.utf8.count + 1).split(separator: ".", omittingEmptySubsequences: false).map(
      String.init)
    switch labels {
    case ["s3"]:
      region = nil
      frame = ("s3.", ".\(suffix)")
    case ["s3-external-1"]:
      region = "us-east-1"
      frame = ("s3.", ".\(suffix)")
    case _
    where labels.count == 1 && Self.isRegion(labels[0].dropFirst("s3-".utf8.count)) && labels[0].hasPrefix("s3-"):
      region = String(labels[0].dropFirst("s3-".utf8.count))
      frame = ("s3.", ".\(suffix)")
    case _ where ["s3", "s3-fips"].contains(labels[0]) && Self.isRegion(labels[labels.count - 1]) && labels.count <= 3:
      region = labels[labels.count - 1]
      frame = (labels.dropLast().joined(separator: ".") + ".", ".\(suffix)")
    case _ where labels.count >= 3 && labels.last == "vpce" && labels[labels.count - 3] == "s3":
      region = labels[labels.count - 2]
      frame = nil
    default:
      region = nil
      frame = nil
    }
  }

  /// The host of the same kind for `region`, a name that `isValid`; nil if there is none.
  func name(in region: String) -> String? {
    guard let frame else { return nil }
    // The host without a region also serves the oldest region.
    return self.region == nil && region == S3Region.standard ? nil : frame.before + region + frame.after
  }

  /// Whether `text` looks like `eu-west-1` or `us-gov-east-1`.
  private static func isRegion(_ text: some StringProtocol) -> Bool {
    let words = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
    let isLetters = words.dropLast().allSatisfy { word in
      !word.isEmpty && word.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
    }
    return words.count >= 3 && isLetters
      && words.last.map { !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } } == true
  }
}
