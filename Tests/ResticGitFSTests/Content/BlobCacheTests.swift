import ResticCore
import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("BlobCache")
struct BlobCacheTests {
  private static func id(_ number: Int) -> BlobID { SHA256.id(of: Array("\(number)".utf8), as: BlobID.self) }

  @Test("the cache never exceeds its limit")
  func staysWithinLimit() {
    var random = SplitMix64(seed: 1)
    var cache = BlobCache(byteLimit: 10_000)
    for number in 0..<5_000 {
      let bytes = [UInt8](
        repeating: UInt8(truncatingIfNeeded: number), count: Int.random(in: 0...12_000, using: &random))
      cache.insert(bytes, as: Self.id(number))
      #expect(cache.byteCount <= 10_000)
      if let found = cache.bytes(of: Self.id(number)) { #expect(found == bytes) }
    }
  }

  @Test("used blobs stay, and unused blobs go first")
  func keepsWhatIsUsed() {
    var cache = BlobCache(byteLimit: 10)
    for number in 0..<10 { cache.insert([UInt8(number)], as: Self.id(number)) }
    for number in 10..<200 {
      #expect(cache.bytes(of: Self.id(3)) == [3])
      cache.insert([UInt8(number)], as: Self.id(number))
    }
    #expect(cache.bytes(of: Self.id(3)) == [3])
    #expect(cache.bytes(of: Self.id(4)) == nil)
  }

  @Test("used blobs do not evict a blob that a reader awaits")
  func keepsWhatIsAwaited() {
    var cache = BlobCache(byteLimit: 10)
    for number in 0..<200 {
      // Always five ahead of the reader.
      cache.insert([UInt8(number)], as: Self.id(number), isAwaited: true)
      if number >= 5 { #expect(cache.bytes(of: Self.id(number - 5)) == [UInt8(number - 5)]) }
    }
  }
}
