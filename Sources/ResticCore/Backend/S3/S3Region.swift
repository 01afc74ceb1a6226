/// Names of regions, which requests are signed for.
enum S3Region {
  /// The assumed region of a server whose region is unknown.
  static let standard = "us-east-1"

  /// Whether `text` can be a region's name, whatever its origin: it goes into header fields and hosts.
  static func isValid(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        UInt8(ascii: "a") <= byte | 0x20 && byte | 0x20 <= UInt8(ascii: "z") || (0x30...0x39).contains(byte)
          || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      }
  }

  /// The region of the server `host`, as far as its name contains one.
  static func named(by host: String) -> String {
    AmazonHost(host)?.region ?? standard
  }
}
