import Testing

@testable import ResticCore

@Suite("RESTListing")
struct RESTListingTests {
  private static let name = String(repeating: "ab", count: 32)

  private func entries(_ text: String) throws -> [BackendEntry] {
    try RESTListing.entries(of: .lock, in: PooledBytes(copying: Array(text.utf8)))
  }

  @Test("a list has names and sizes; unknown members, and names that are not ids, are ignored")
  func secondVersion() throws {
    let file = try #require(BackendFile(type: .lock, name: Self.name))
    let text = """
      [{"name":"\(Self.name)","size":155,"x":[1,{}]}, {"size":1,"name":"README"},{"name":"\(Self.name.uppercased())","size":2},
       {"size":0,"name":"\(Self.name)-tmp-1"}, {}]
      """
    #expect(try entries(text) == [BackendEntry(file: file, byteCount: 155)])
    #expect(try entries(" [] ") == [] && entries("null") == [])
  }

  @Test("a list may have names alone")
  func firstVersion() throws {
    let text = PooledBytes(copying: Array("[\"\(Self.name)\",\"README\"]".utf8))
    #expect(try RESTListing.files(of: .lock, in: text) == [try #require(BackendFile(type: .lock, name: Self.name))])
  }

  @Test(
    "anything but a list is an error",
    arguments: [
      "", "<html>", "{}", "[", "[{\"name\":1}]", "[{\"size\":-1}]", "[{\"size\":1e400}]", "[{\"size\":\"1\"}]",
      "[{\"size\":9223372036854775808}]", "[] []", "[\"x\"]",
    ])
  func malformed(text: String) {
    #expect(throws: FormatError.self) { try entries(text) }
  }
}
