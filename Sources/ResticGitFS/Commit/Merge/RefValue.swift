import ResticCore

/// The value of a ref.
enum RefValue: Hashable, Sendable {
  /// The id of an object: 40 or 64 hex digits, as they were written.
  case object([UInt8])
  /// The name of another ref.
  case symbolic(RefName)
  /// A value that git does not accept: the bytes of the file, or bytes that represent it.
  case opaque([UInt8])

  /// The size limit of a loose ref; git reads 256 bytes of a symbolic one.
  static let byteLimit = 64 << 10

  /// The value of a loose ref whose file holds `bytes`.
  init(file bytes: [UInt8]) {
    let text = bytes.trimmedAtEnd
    // git ignores text after an id and a space.
    let id = text.prefix { !$0.isSpace }
    if id.isObjectID {
      self = .object(Array(id))
    } else if text.starts(with: "ref:".utf8) {
      let target = text.dropFirst(4).drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      self = target.isEmpty ? .opaque(bytes) : .symbolic(RefName(target))
    } else {
      self = .opaque(bytes)
    }
  }

  /// The bytes of a loose ref with this value.
  var file: [UInt8] {
    switch self {
    case .object(let id): id + [UInt8(ascii: "\n")]
    case .symbolic(let target): Array("ref: ".utf8) + target.bytes + [UInt8(ascii: "\n")]
    case .opaque(let bytes): bytes
    }
  }
}

extension Collection<UInt8> where SubSequence: Sequence<UInt8> {
  /// Whether these are 40 or 64 hex digits.
  var isObjectID: Bool {
    (count == 40 || count == 64) && allSatisfy(\.isHexDigit)
  }
}

extension UInt8 {
  fileprivate var isSpace: Bool { self == UInt8(ascii: " ") || (9...13).contains(self) }

  fileprivate var isHexDigit: Bool {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }
}

extension [UInt8] {
  /// Without white space at the end.
  fileprivate var trimmedAtEnd: ArraySlice<UInt8> {
    var end = endIndex
    while end > startIndex, self[end - 1].isSpace { end -= 1 }
    return self[..<end]
  }
}

extension RefValue: CustomStringConvertible {
  var description: String {
    switch self {
    case .object(let id): String(decoding: id, as: UTF8.self)
    case .symbolic(let target): "ref: \(target)"
    case .opaque(let bytes): Name(Array(bytes.prefix(80))).description
    }
  }
}
