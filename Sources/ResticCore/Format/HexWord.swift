/// Sixteen lower-case hex digits to and from a 64-bit number, eight digits at a time in registers.
///
/// Half of an index file is ids, so this code decides how fast index files are read.
enum HexWord {
  /// The digit for `value`, which is below 16.
  @inline(__always)
  static func digit(_ value: UInt8) -> UInt8 {
    value < 10 ? value + UInt8(ascii: "0") : value + (UInt8(ascii: "a") - 10)
  }

  /// The number that the 16 digits at `start` spell, or nil if one of them isn't in 0-9 or a-f.
  @inline(__always)
  static func read(_ start: UnsafeRawPointer) -> UInt64? {
    guard let high = readHalf(start), let low = readHalf(start + 8) else { return nil }
    return high << 32 | low
  }

  @inline(__always)
  private static func readHalf(_ start: UnsafeRawPointer) -> UInt64? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let text = UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
    // Bit 6 is set in letters and clear in digits.
    let isLetter = text >> 6 & ones
    let values = (text & (ones &* 0x0f)) &+ isLetter &* 9
    // Letters must have given 10...15 and digits 0...9, and the text must equal the lower-case digits of those values.
    let isAboveNine = (values &+ ones &* 6) >> 4 & ones
    let spelled = values &+ ones &* 0x30 &+ isLetter &* 0x27
    guard spelled == text, isAboveNine == isLetter, values & (ones &* 0xf0) == 0 else { return nil }
    var packed = (values | values >> 4) & 0x00ff_00ff_00ff_00ff
    packed = (packed | packed >> 8) & 0x0000_ffff_0000_ffff
    return (packed | packed >> 16) & 0xffff_ffff
  }

  /// Writes the 16 digits of `word` to `target`.
  @inline(__always)
  static func write(_ word: UInt64, to target: UnsafeMutablePointer<UInt8>) {
    let raw = UnsafeMutableRawPointer(target)
    raw.storeBytes(of: spell(word >> 32).bigEndian, as: UInt64.self)
    raw.storeBytes(of: spell(word & 0xffff_ffff).bigEndian, toByteOffset: 8, as: UInt64.self)
  }

  @inline(__always)
  private static func spell(_ half: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var values = (half | half << 16) & 0x0000_ffff_0000_ffff
    values = (values | values << 8) & 0x00ff_00ff_00ff_00ff
    values = (values | values << 4) & (ones &* 0x0f)
    let isAboveNine = (values &+ ones &* 6) >> 4 & ones
    return values &+ ones &* 0x30 &+ isAboveNine &* 0x27
  }
}
