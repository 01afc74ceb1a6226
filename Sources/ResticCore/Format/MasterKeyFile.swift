internal import Glibc

/// The JSON that is sealed in a key file's `data`: `{"mac":{"k":…,"r":…},"encrypt":…}`, each value base64.
///
/// In memory the key is 64 bytes in restic's order: encrypt 32 ‖ k 16 ‖ r 16. Encoding and decoding copy secrets only
/// into memory that the caller owns and wipes: no String, no growing buffer.
public enum MasterKeyFile {
  /// Bytes of the raw key.
  public static let rawByteCount = 64
  /// Bytes of the encoded key.
  public static let encodedByteCount = 13 + 24 + 7 + 24 + 14 + 44 + 2

  /// The JSON for the 64 bytes of `rawKey`, `encodedByteCount` bytes. The caller wipes the result.
  public static func encode(_ rawKey: UnsafeRawBufferPointer) -> [UInt8] {
    precondition(rawKey.count == rawByteCount, "a master key has 64 bytes")
    return [UInt8](unsafeUninitializedCapacity: encodedByteCount) { buffer, count in
      guard var output = buffer.baseAddress else { return }
      func literal(_ text: StaticString) {
        output.update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        output += text.utf8CodeUnitCount
      }
      func base64(_ range: Range<Int>) {
        GoJSON.encodeBase64(UnsafeRawBufferPointer(rebasing: rawKey[range]), to: output)
        output += GoJSON.base64Count(byteCount: range.count)
      }
      literal("{\"mac\":{\"k\":\"")
      base64(32..<48)
      literal("\",\"r\":\"")
      base64(48..<64)
      literal("\"},\"encrypt\":\"")
      base64(0..<32)
      literal("\"}")
      count = encodedByteCount
    }
  }

  /// Writes the 64 bytes of the key whose JSON is `json` to `rawKey`, which has that size. After an error `rawKey`
  /// holds zeros.
  public static func decode(
    _ json: UnsafeRawBufferPointer, into rawKey: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    precondition(rawKey.count == rawByteCount, "a master key has 64 bytes")
    rawKey.initializeMemory(as: UInt8.self, repeating: 0)
    do throws(FormatError) {
      var reader = GoJSON.Reader(json, subject: "master key")
      var found: Set<Int> = []
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "mac" {
          var mac = try reader.beginObject()
          while let part = try reader.nextKey(&mac) {
            if part == "k" {
              try decodePart(&reader, into: rawKey, 32..<48)
              found.insert(32)
            } else if part == "r" {
              try decodePart(&reader, into: rawKey, 48..<64)
              found.insert(48)
            } else {
              try reader.skipValue()
            }
          }
        } else if key == "encrypt" {
          try decodePart(&reader, into: rawKey, 0..<32)
          found.insert(0)
        } else {
          try reader.skipValue()
        }
      }
      try reader.expectEnd()
      guard found.count == 3 else { throw FormatError("master key: a part is missing") }
    } catch {
      rawKey.initializeMemory(as: UInt8.self, repeating: 0)
      throw error
    }
  }

  private static func decodePart(
    _ reader: inout GoJSON.Reader, into rawKey: UnsafeMutableRawBufferPointer, _ range: Range<Int>
  ) throws(FormatError) {
    let token = try reader.stringToken()
    let text = UnsafeRawBufferPointer(rebasing: reader.bytes[token.range])
    // Decoded in a scratch buffer of 36 bytes, the most that text of the right length can give, which is wiped
    // afterwards.
    guard token.isPlain, text.count == GoJSON.base64Count(byteCount: range.count) else {
      throw reader.error("a key of the wrong length")
    }
    let isValid = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 48) { scratch -> Bool in
      scratch.initialize(repeating: 0)
      defer { wipe(scratch) }
      guard let start = scratch.baseAddress, GoJSON.decodeBase64(text, to: start) == range.count else { return false }
      UnsafeMutableRawBufferPointer(rebasing: rawKey[range])
        .copyMemory(from: UnsafeRawBufferPointer(start: start, count: range.count))
      return true
    }
    guard isValid else { throw reader.error("base64 of the right length expected") }
  }

  /// Overwrites a scratch buffer; not inlined, so that the compiler does not remove the stores as dead.
  @inline(never)
  private static func wipe(_ scratch: UnsafeMutableBufferPointer<UInt8>) {
    if let start = scratch.baseAddress { explicit_bzero(start, scratch.count) }
  }
}
