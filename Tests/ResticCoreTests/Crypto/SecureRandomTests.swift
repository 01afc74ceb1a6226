import ResticCore
import Testing

@Suite("SecureRandom")
struct SecureRandomTests {
  @Test("the requested number of bytes is returned", arguments: [0, 1, 16, 100_000])
  func count(byteCount: Int) {
    #expect(SecureRandom.bytes(byteCount).count == byteCount)
  }

  @Test("two draws differ, and every byte value turns up")
  func variety() {
    #expect(SecureRandom.bytes(32) != SecureRandom.bytes(32))
    #expect(SecureRandom.uint64() != SecureRandom.uint64())
    #expect(Set(SecureRandom.bytes(100_000)).count == 256)
  }
}
