import ResticCore
import Testing

@Suite("SecureBytes")
struct SecureBytesTests {
  @Test("a new instance is all zeros", arguments: [0, 1, 64, 5000])
  func zeros(byteCount: Int) {
    let bytes = SecureBytes(byteCount: byteCount)
    #expect(bytes.byteCount == byteCount)
    #expect(bytes.withUnsafeBytes { Array($0) } == [UInt8](repeating: 0, count: byteCount))
  }

  @Test("a copy has the same bytes, and leaves the original unchanged")
  func copying() {
    let original: [UInt8] = [1, 2, 3]
    let copy = original.withUnsafeBytes { SecureBytes(copying: $0) }
    #expect(copy.withUnsafeBytes { Array($0) } == original)
  }

  @Test("moving the secret out of an array leaves an empty array")
  func wiping() {
    var original: [UInt8] = [1, 2, 3]
    let secret = SecureBytes(wiping: &original)
    #expect(original.isEmpty)
    #expect(secret.withUnsafeBytes { Array($0) } == [1, 2, 3])
    var empty: [UInt8] = []
    #expect(SecureBytes(wiping: &empty).byteCount == 0)
  }

  @Test("bytes written before sharing are there afterwards")
  func writing() {
    let bytes = SecureBytes(byteCount: 3)
    bytes.withUnsafeMutableBytes { $0[1] = 7 }
    #expect(bytes.withUnsafeBytes { Array($0) } == [0, 7, 0])
  }

  @Test("neither print nor dump show the content")
  func printing() {
    let bytes = Array("hunter2".utf8).withUnsafeBytes { SecureBytes(copying: $0) }
    var dumped = ""
    dump(bytes, to: &dumped)
    #expect("\(bytes)" == "7 secret bytes")
    #expect(!dumped.contains("hunter2") && !dumped.contains("memory"))
  }
}
