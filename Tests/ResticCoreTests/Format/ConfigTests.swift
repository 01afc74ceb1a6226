import Testing

@testable import ResticCore

@Suite struct ConfigTests {
  @Test("a real config is read and encoded to the same bytes")
  func real() throws {
    let config = try Config.decode(RealFiles.config)
    #expect(config.version == 1 && config.chunkerPolynomial == 0x21_e117_a534_e7f5)
    #expect(config.id == "9fbd992459b53448288f9d8441ae2998fce54cf05902008037cc4c40eedfda9f")
    #expect(config.encode() == RealFiles.config)
  }

  @Test(
    "a config without one of its members, or with a wrong one, is refused",
    arguments: [
      #"{}"#, #"{"version":2,"id":"a"}"#, #"{"version":2,"chunker_polynomial":"1"}"#,
      #"{"id":"a","chunker_polynomial":"1"}"#,
      #"{"version":"2","id":"a","chunker_polynomial":"1"}"#, #"{"version":2,"id":"a","chunker_polynomial":1}"#,
      #"{"version":2,"id":"a","chunker_polynomial":""}"#, #"{"version":2,"id":"a","chunker_polynomial":"+1"}"#,
      #"{"version":2,"id":"a","chunker_polynomial":"g"}"#,
      #"{"version":2,"id":"a","chunker_polynomial":"10000000000000000"}"#,
      #"{"version":99999999999999999999,"id":"a","chunker_polynomial":"1"}"#,
    ])
  func refused(text: String) {
    #expect(throws: FormatError.self) { try Config.decode(Array(text.utf8)) }
  }
}
