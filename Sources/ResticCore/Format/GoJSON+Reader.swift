internal import Glibc

extension GoJSON {
  /// Runs `body` on a reader of `bytes` and checks that nothing but white space follows the value it read.
  ///
  /// `subject` begins the message of every error: "tree", "index", …
  static func read<Value>(
    _ bytes: [UInt8], _ subject: StaticString, _ body: (inout Reader) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    let result = bytes.withUnsafeBytes { buffer in
      Result { () throws(FormatError) -> Value in try read(buffer, subject, body) }
    }
    return try result.get()
  }

  /// As above, for bytes in a buffer.
  static func read<Value>(
    _ bytes: UnsafeRawBufferPointer, _ subject: StaticString, _ body: (inout Reader) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    var reader = Reader(bytes, subject: subject)
    let value = try body(&reader)
    try reader.expectEnd()
    return value
  }

  /// A pull parser over a buffer that outlives the parser. Accepts strict JSON, as Go does; every error is a
  /// `FormatError` with an offset.
  ///
  ///     var object = try reader.beginObject()
  ///     while let key = try reader.nextKey(&object) {
  ///       if key == "size" { size = try reader.uint64() } else { try reader.skipValue() }
  ///     }
  ///
  /// After `nextKey`, or after `nextElement` returned true, read exactly one value. A duplicate key is reported each
  /// time, so that assigning in the loop makes the last value win. Keys match exactly, including case.
  struct Reader {
    let bytes: UnsafeRawBufferPointer
    private(set) var position = 0
    private var depth = 0
    private let subject: StaticString

    init(_ bytes: UnsafeRawBufferPointer, subject: StaticString) {
      self.bytes = bytes
      self.subject = subject
    }

    /// The reader's position in one object or array.
    struct Container {
      fileprivate var isFirst = true
    }

    /// A member's name.
    struct Key {
      /// The bytes of the name, unless it needed unescaping.
      fileprivate let raw: UnsafeRawBufferPointer
      /// The name when it isn't plain ASCII.
      fileprivate let unescaped: [UInt8]?

      /// Bytes of the name; the cheap first test.
      var count: Int { unescaped?.count ?? raw.count }

      var text: String {
        if let unescaped { return String(decoding: unescaped, as: UTF8.self) }
        return String(decoding: raw, as: UTF8.self)
      }

      @inline(__always)
      static func == (key: Key, literal: StaticString) -> Bool {
        let literalBytes = UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
        if let unescaped = key.unescaped { return unescaped.elementsEqual(literalBytes) }
        return GoJSON.isEqual(key.raw, literalBytes)
      }
    }

    /// An error that names the subject and the position.
    func error(_ message: String) -> FormatError {
      FormatError("\(subject): \(message) at byte \(position)")
    }

    private func unexpected(_ wanted: String) -> FormatError {
      guard position < bytes.count else { return error("ends where \(wanted) is expected") }
      return error("\(wanted) expected")
    }

    @inline(__always)
    private mutating func skipSpace() {
      while position < bytes.count {
        let byte = bytes[position]
        guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
        position += 1
      }
    }

    /// The next byte that isn't white space, or 0 at the end (a NUL is never part of JSON).
    @inline(__always)
    private mutating func peek() -> UInt8 {
      if position < bytes.count, bytes[position] > 0x20 { return bytes[position] }
      skipSpace()
      return position < bytes.count ? bytes[position] : 0
    }

    func expectEnd() throws(FormatError) {
      var rest = self
      rest.skipSpace()
      guard rest.position == bytes.count else { throw rest.error("unexpected data after the value") }
    }

    private mutating func enter() throws(FormatError) {
      guard depth < GoJSON.maximumDepth else { throw error("nested too deeply") }
      depth += 1
      position += 1
    }

    mutating func beginObject() throws(FormatError) -> Container {
      guard peek() == UInt8(ascii: "{") else { throw unexpected("an object") }
      try enter()
      return Container()
    }

    mutating func beginArray() throws(FormatError) -> Container {
      guard peek() == UInt8(ascii: "[") else { throw unexpected("an array") }
      try enter()
      return Container()
    }

    /// Moves to the next part of a container. Returns false at `end`, and leaves the container.
    @inline(__always)
    private mutating func next(_ container: inout Container, end: UInt8) throws(FormatError) -> Bool {
      let byte = peek()
      if byte == end {
        position += 1
        depth -= 1
        return false
      }
      if container.isFirst {
        container.isFirst = false
      } else {
        guard byte == UInt8(ascii: ",") else { throw unexpected("a comma or the end of the object or array") }
        position += 1
      }
      return true
    }

    /// The name of the next member, or nil when the object has ended.
    @inline(__always)
    mutating func nextKey(_ object: inout Container) throws(FormatError) -> Key? {
      guard try next(&object, end: UInt8(ascii: "}")) else { return nil }
      guard peek() == UInt8(ascii: "\"") else { throw unexpected("a member's name") }
      let token = try stringToken()
      guard peek() == UInt8(ascii: ":") else { throw unexpected("a colon") }
      position += 1
      let raw = UnsafeRawBufferPointer(rebasing: bytes[token.range])
      return Key(raw: raw, unescaped: token.isPlain ? nil : unescape(token))
    }

    /// Whether the array has another element; if it has, read the element next.
    @inline(__always)
    mutating func nextElement(_ array: inout Container) throws(FormatError) -> Bool {
      try next(&array, end: UInt8(ascii: "]"))
    }

    /// Skips `null` if that comes next; in Go, `null` means: leave the field as it is.
    @inline(__always)
    mutating func skipNull() throws(FormatError) -> Bool {
      guard peek() == UInt8(ascii: "n") else { return false }
      try word("null")
      return true
    }

    private mutating func word(_ literal: StaticString) throws(FormatError) {
      let count = literal.utf8CodeUnitCount
      guard bytes.count - position >= count,
        GoJSON.isEqual(
          UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]),
          UnsafeRawBufferPointer(start: literal.utf8Start, count: count))
      else { throw unexpected("a value") }
      position += count
    }

    mutating func boolean() throws(FormatError) -> Bool {
      switch peek() {
      case UInt8(ascii: "t"):
        try word("true")
        return true
      case UInt8(ascii: "f"):
        try word("false")
        return false
      default: throw unexpected("true or false")
      }
    }

    /// An integer of any width, exact; refuses fractions, exponents and numbers that do not fit.
    @inline(__always)
    mutating func number<Number: FixedWidthInteger>(_: Number.Type = Number.self) throws(FormatError) -> Number {
      let isNegative = peek() == UInt8(ascii: "-")
      if isNegative { position += 1 }
      let start = position
      var magnitude: UInt64 = 0
      while position < bytes.count {
        let digit = bytes[position] &- UInt8(ascii: "0")
        guard digit < 10 else { break }
        position += 1
        if position - start <= 19 {
          magnitude = magnitude &* 10 &+ UInt64(digit)
        } else {
          let (tens, isTooLong) = magnitude.multipliedReportingOverflow(by: 10)
          let (sum, isTooLarge) = tens.addingReportingOverflow(UInt64(digit))
          guard !isTooLong, !isTooLarge else { throw error("a number that is too large") }
          magnitude = sum
        }
      }
      guard position > start else { throw unexpected("a number") }
      guard position - start == 1 || bytes[start] != UInt8(ascii: "0") else {
        throw error("a number with leading zeros")
      }
      if position < bytes.count {
        let byte = bytes[position]
        guard byte != UInt8(ascii: "."), byte | 0x20 != UInt8(ascii: "e") else { throw unexpected("an integer") }
      }
      guard isNegative else {
        guard let value = Number(exactly: magnitude) else { throw error("a number that is too large") }
        return value
      }
      guard magnitude <= 1 << 63, let value = Number(exactly: Int64(truncatingIfNeeded: 0 &- magnitude)) else {
        throw error("a number that is too small")
      }
      return value
    }

    /// An array whose elements are read by `element`; `null` is an empty array.
    mutating func array<Element>(
      _ element: (inout Reader) throws(FormatError) -> Element
    ) throws(FormatError) -> [Element] {
      if try skipNull() { return [] }
      var result: [Element] = []
      var array = try beginArray()
      while try nextElement(&array) { result.append(try element(&self)) }
      return result
    }

    /// The member `key` with its value exactly as it is in the buffer.
    mutating func unknownField(_ key: Key) throws(FormatError) -> UnknownField {
      UnknownField(key: key.text, rawValue: Array(try rawValue()))
    }

    /// The bytes of the next value, checked to be JSON, without white space around them.
    mutating func rawValue() throws(FormatError) -> UnsafeRawBufferPointer {
      skipSpace()
      let start = position
      try skipValue()
      return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    /// Skips the next value, and checks that it is JSON.
    mutating func skipValue() throws(FormatError) {
      switch peek() {
      case UInt8(ascii: "\""): _ = try stringToken()
      case UInt8(ascii: "{"):
        var object = try beginObject()
        while try nextKey(&object) != nil { try skipValue() }
      case UInt8(ascii: "["):
        var array = try beginArray()
        while try nextElement(&array) { try skipValue() }
      case UInt8(ascii: "t"): try word("true")
      case UInt8(ascii: "f"): try word("false")
      case UInt8(ascii: "n"): try word("null")
      default: try skipNumber()
      }
    }

    private mutating func skipNumber() throws(FormatError) {
      func skipDigits(_ reader: inout Reader) throws(FormatError) {
        let start = reader.position
        while reader.position < reader.bytes.count, reader.bytes[reader.position] &- UInt8(ascii: "0") < 10 {
          reader.position += 1
        }
        guard reader.position > start else { throw reader.unexpected("a value") }
      }
      if peek() == UInt8(ascii: "-") { position += 1 }
      let start = position
      try skipDigits(&self)
      guard position - start == 1 || bytes[start] != UInt8(ascii: "0") else {
        throw error("a number with leading zeros")
      }
      if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
        position += 1
        try skipDigits(&self)
      }
      if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
        position += 1
        if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
          position += 1
        }
        try skipDigits(&self)
      }
    }

    // The scanner of strings, and the position that it moves; GoJSON+ReaderStrings.swift decodes the strings.

    /// A string as it is in the buffer, without its quotes.
    struct StringToken {
      let range: Range<Int>
      /// ASCII without escapes: the bytes are the text.
      let isPlain: Bool
    }

    /// Reads a string without copying it. Checks its escapes but not its UTF-8.
    @inline(__always)
    mutating func stringToken() throws(FormatError) -> StringToken {
      guard peek() == UInt8(ascii: "\"") else { throw unexpected("a string") }
      position += 1
      let start = position
      var isPlain = true
      while position < bytes.count {
        let byte = bytes[position]
        if byte == UInt8(ascii: "\"") {
          position += 1
          return StringToken(range: start..<position - 1, isPlain: isPlain)
        }
        if byte == UInt8(ascii: "\\") {
          isPlain = false
          try skipEscape()
          continue
        }
        guard byte >= 0x20 else { throw error("a control character in a string") }
        if byte >= 0x80 { isPlain = false }
        position += 1
      }
      throw error("ends within a string")
    }

    private mutating func skipEscape() throws(FormatError) {
      position += 1
      guard position < bytes.count else { throw error("ends within a string") }
      switch bytes[position] {
      case UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"),
        UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "\""):
        position += 1
      case UInt8(ascii: "u"):
        guard Self.codeUnit(bytes, at: position + 1, end: bytes.count) != nil else { throw error("a wrong \\u escape") }
        position += 5
      default:
        throw error("an unknown escape in a string")
      }
    }
  }

  /// Whether two buffers hold the same bytes.
  @inline(__always)
  static func isEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard left.count > 0, let first = left.baseAddress, let second = right.baseAddress else { return true }
    return memcmp(first, second, left.count) == 0
  }

  /// Whether `bytes` are the ASCII text `literal`.
  @inline(__always)
  static func isEqual(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
    isEqual(bytes, UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }
}
