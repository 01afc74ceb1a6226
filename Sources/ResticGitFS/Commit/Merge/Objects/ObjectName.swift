import ResticCore

/// The name of a git object: 20 bytes, or 32 in a repository of SHA-256.
struct ObjectName: Hashable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  /// The name of 20 or 32 bytes; shorter names are padded with zeros.
  init(_ bytes: ArraySlice<UInt8>) {
    withUnsafeMutableBytes(of: &words) { $0.copyBytes(from: bytes.prefix($0.count)) }
  }

  /// The object in the file `name` of the folder `folder` of `objects`; nil if that is not a loose object.
  init?(folder: Name, name: Name, _ format: ObjectFormat) {
    let digits = folder.bytes + name.bytes
    guard folder.bytes.count == 2, digits.count == format.byteCount * 2 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(format.byteCount)
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Self.value(of: digits[index]), let low = Self.value(of: digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.init(bytes[...])
  }

  /// git uses it to find an object in an index, and the folder of a loose one.
  var firstByte: UInt8 { withUnsafeBytes(of: words) { $0[0] } }

  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }

  static func == (left: ObjectName, right: ObjectName) -> Bool { left.words == right.words }

  func hash(into hasher: inout Hasher) {
    withUnsafeBytes(of: words) { hasher.combine(bytes: $0) }
  }
}
