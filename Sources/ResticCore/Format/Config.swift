/// The repository's config file.
public struct Config: Hashable, Sendable {
  /// The format's version: 1, or 2 with compression. Other versions decode too; the code that opens a repository
  /// refuses them.
  public var version: Int
  /// The repository's id: 64 hex digits.
  public var id: String
  /// The polynomial of the chunker's fingerprint, the coefficient of x^n in bit n.
  public var chunkerPolynomial: UInt64

  /// A config with these values; `id` must be 64 lower-case hex digits, and the polynomial irreducible of degree 53.
  /// Neither is checked.
  public init(version: Int, id: String, chunkerPolynomial: UInt64) {
    self.version = version
    self.id = id
    self.chunkerPolynomial = chunkerPolynomial
  }

  /// The file's plaintext: JSON without a newline.
  public func encode() -> [UInt8] {
    var writer = GoJSON.Writer()
    writer.literal("{\"version\":")
    writer.number(version)
    writer.literal(",\"id\":")
    writer.string(id)
    writer.literal(",\"chunker_polynomial\":")
    writer.string(String(chunkerPolynomial, radix: 16))
    writer.literal("}")
    return writer.finish()
  }

  /// The config whose plaintext is `bytes`. All three members must be there.
  public static func decode(_ bytes: [UInt8]) throws(FormatError) -> Config {
    try GoJSON.read(bytes, "config") { reader throws(FormatError) in
      var version: Int?
      var id: String?
      var polynomial: UInt64?
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "version" {
          version = try reader.number()
        } else if key == "id" {
          id = try reader.string()
        } else if key == "chunker_polynomial" {
          polynomial = try decodePolynomial(&reader)
        } else {
          try reader.skipValue()
        }
      }
      guard let version else { throw FormatError("config: has no version") }
      guard let id else { throw FormatError("config: has no id") }
      guard let polynomial else { throw FormatError("config: has no chunker polynomial") }
      return Config(version: version, id: id, chunkerPolynomial: polynomial)
    }
  }

  private static func decodePolynomial(_ reader: inout GoJSON.Reader) throws(FormatError) -> UInt64 {
    let text = try reader.string()
    // `UInt64` would accept a sign.
    guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let polynomial = UInt64(text, radix: 16)
    else { throw reader.error("a polynomial in hex expected") }
    return polynomial
  }
}
