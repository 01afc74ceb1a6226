import Testing

@testable import ResticCore

@Suite struct KeyFileTests {
  @Test("a real key file is read and encoded to the same bytes")
  func real() throws {
    let key = try KeyFile.decode(RealFiles.keyFile)
    #expect(key.kdf == "scrypt" && key.costN == 32768 && key.costR == 8 && key.costP == 4)
    #expect(key.salt.count == 64 && key.username == "nobody" && key.hostname == "vm")
    #expect(key.data.count == MasterKeyFile.encodedByteCount + 32)
    #expect(key.encode() == RealFiles.keyFile)
  }

  @Test(
    "a key file without kdf or data, or with a wrong member, is refused",
    arguments: [
      "{}", #"{"kdf":"scrypt"}"#, #"{"kdf":"scrypt","data":""}"#, #"{"data":"AA=="}"#,
      #"{"kdf":"scrypt","data":"AA==","N":1.5}"#,
      #"{"kdf":"scrypt","data":"AA==","r":9223372036854775808}"#, #"{"kdf":"scrypt","data":"A"}"#,
    ])
  func refused(text: String) {
    #expect(throws: FormatError.self) { try KeyFile.decode(Array(text.utf8)) }
  }
}
