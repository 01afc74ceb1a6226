extension GoJSON {
  /// Appends JSON to a growing buffer. The caller writes punctuation and keys with `literal`, and values with the other
  /// methods.
  ///
  /// Owns its memory, so it is not copyable. Growing leaves old copies on the heap: do not write secrets.
  public struct Writer: ~Copyable {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    /// Bytes written so far.
    public private(set) var count = 0

    /// A writer with room for `capacity` bytes before it has to grow.
    public init(capacity: Int = 256) {
      self.capacity = max(capacity, 64)
      base = .allocate(capacity: self.capacity)
    }

    deinit {
      base.deallocate()
    }

    /// The text written so far; the writer cannot be used afterwards.
    public consuming func finish() -> [UInt8] {
      Array(UnsafeBufferPointer(start: base, count: count))
    }

    /// The text written so far, valid until the next write.
    var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Discards the text and keeps the memory.
    mutating func removeAll() {
      count = 0
    }

    /// Appends at most `maximum` bytes: `body` writes them to its argument and returns their number.
    @inline(__always)
    mutating func append(maximum: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Int) {
      if capacity - count < maximum { grow(by: maximum) }
      count += body(base + count)
    }

    @inline(never)
    private mutating func grow(by byteCount: Int) {
      capacity = max(capacity * 2, count + byteCount)
      let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
      grown.update(from: base, count: count)
      base.deallocate()
      base = grown
    }

    /// Appends the ASCII text `literal` as it is.
    @inline(__always)
    public mutating func literal(_ literal: StaticString) {
      let count = literal.utf8CodeUnitCount
      append(maximum: count) { target in
        target.update(from: literal.utf8Start, count: count)
        return count
      }
    }

    /// Appends `bytes`, one valid JSON value, as they are.
    public mutating func raw(_ bytes: [UInt8]) {
      bytes.withUnsafeBytes { raw($0) }
    }

    mutating func raw(_ bytes: UnsafeRawBufferPointer) {
      guard let start = bytes.baseAddress else { return }
      append(maximum: bytes.count) { target in
        UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: bytes.count)
        return bytes.count
      }
    }

    /// Appends `,` and the key of `field`, `:` and its value.
    mutating func member(_ field: UnknownField) {
      literal(",")
      string(field.key)
      literal(":")
      raw(field.rawValue)
    }

    /// Appends `number` in decimal.
    @inline(__always)
    public mutating func number(_ number: some UnsignedInteger & FixedWidthInteger) {
      var rest = UInt64(number)
      append(maximum: 20) { target in
        var digitCount = 1
        var bound = rest / 10
        while bound > 0 {
          digitCount += 1
          bound /= 10
        }
        var index = digitCount
        repeat {
          index -= 1
          target[index] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
          rest /= 10
        } while rest > 0
        return digitCount
      }
    }

    /// Appends `number` in decimal, with a minus sign if it is negative.
    public mutating func number(_ number: some SignedInteger & FixedWidthInteger) {
      if number < 0 { literal("-") }
      self.number(UInt64(number.magnitude))
    }

    /// Appends `true` or `false`.
    public mutating func boolean(_ value: Bool) {
      if value { literal("true") } else { literal("false") }
    }

    /// Appends `bytes` as a base64 string.
    public mutating func base64(_ bytes: [UInt8]) {
      let count = GoJSON.base64Count(byteCount: bytes.count)
      literal("\"")
      append(maximum: count + 1) { target in
        bytes.withUnsafeBytes { GoJSON.encodeBase64($0, to: target) }
        return count
      }
      literal("\"")
    }

    /// Appends `id` as a string of 64 hex digits.
    @inline(__always)
    public mutating func id<Kind>(_ id: ID<Kind>) {
      append(maximum: 66) { target in
        target[0] = UInt8(ascii: "\"")
        let words = id.words
        HexWord.write(words.0, to: target + 1)
        HexWord.write(words.1, to: target + 17)
        HexWord.write(words.2, to: target + 33)
        HexWord.write(words.3, to: target + 49)
        target[65] = UInt8(ascii: "\"")
        return 66
      }
    }

    /// Appends `timestamp` as Go does: a string in RFC 3339.
    public mutating func time(_ timestamp: Timestamp) {
      append(maximum: Timestamp.maximumTextCount + 2) { target in
        target[0] = UInt8(ascii: "\"")
        let count = timestamp.writeRFC3339(to: target + 1)
        target[count + 1] = UInt8(ascii: "\"")
        return count + 2
      }
    }

    /// Appends a list of strings; `[]` if there are none.
    public mutating func strings(_ strings: [String]) {
      literal("[")
      for (index, text) in strings.enumerated() {
        if index > 0 { literal(",") }
        string(text)
      }
      literal("]")
    }
  }
}
