import Testing

@testable import ResticCore

@Suite struct MasterKeyFileTests {
  static func decode(_ json: [UInt8]) throws(FormatError) -> [UInt8] {
    var raw = [UInt8](repeating: 0xaa, count: 64)
    let result = json.withUnsafeBytes { json in
      raw.withUnsafeMutableBytes { raw -> Result<Void, FormatError> in
        do throws(FormatError) {
          return .success(try MasterKeyFile.decode(json, into: raw))
        } catch {
          return .failure(error)
        }
      }
    }
    if case .failure = result, raw != [UInt8](repeating: 0, count: 64) {
      Issue.record("key material is left after an error")
    }
    try result.get()
    return raw
  }

  @Test("a real master key is read and encoded to the same bytes")
  func real() throws {
    #expect(try Self.decode(RealFiles.masterKeyJSON) == RealFiles.masterKey)
    #expect(RealFiles.masterKey.withUnsafeBytes { MasterKeyFile.encode($0) } == RealFiles.masterKeyJSON)
    #expect(RealFiles.masterKeyJSON.count == MasterKeyFile.encodedByteCount)
  }

  @Test("a key with a missing, short or long part is refused, and its memory is zeroed")
  func refused() throws {
    let text = String(decoding: RealFiles.masterKeyJSON, as: UTF8.self)
    let wrong = [
      "", "{}", text.replacing("\"k\"", with: "\"K\""), text.replacing("\"r\"", with: "\"x\""),
      text.replacing("\"encrypt\"", with: "\"enc\""), text.replacing("BQ==", with: "BQ="),
      text.replacing("BQ==", with: "BQAA"),
      text.replacing("FBQ==", with: "FB==="), text.replacing("d4UU", with: "d4U*"),
      text.replacing("Mss=", with: "MssA"),
      text + "x",
    ]
    for text in wrong {
      #expect(throws: FormatError.self, "\(text)") { try Self.decode(Array(text.utf8)) }
    }
  }
}
