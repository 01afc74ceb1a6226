import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("Reading ahead")
struct ReadAheadTests {
  private static let window = 8 << 20
  private static let step: UInt64 = 128 << 10

  @Test("small random reads load nothing ahead")
  func random() {
    var random = SplitMix64(seed: 1)
    var readAhead = ReadAhead(windowByteCount: Self.window)
    for _ in 0..<5_000 {
      let start = UInt64.random(in: 0..<1 << 30, using: &random)
      #expect(readAhead.next(after: start..<start + 4096, of: 7) == nil)
    }
  }

  @Test("a sequential read loads everything after the first reads once, and never beyond the window")
  func sequential() {
    var readAhead = ReadAhead(windowByteCount: Self.window)
    var loaded: UInt64?
    for number in 0..<1000 as Range<UInt64> {
      let end = (number + 1) * Self.step
      if let next = readAhead.next(after: end - Self.step..<end, of: 7) {
        #expect(next.lowerBound == loaded ?? end)
        #expect(next.upperBound <= end + UInt64(Self.window))
        loaded = next.upperBound
      }
      if number > 5 { #expect((loaded ?? 0) >= end) }
    }
  }

  @Test("kernel reads that overtake each other count as one reader; two files have two readers")
  func outOfOrder() {
    var random = SplitMix64(seed: 2)
    var readAhead = ReadAhead(windowByteCount: Self.window)
    for block in 0..<100 as Range<UInt64> {
      for number in (block * 4..<block * 4 + 4).shuffled(using: &random) {
        for file in [7, 8] as [InodeNumber] {
          let next = readAhead.next(after: number * Self.step..<(number + 1) * Self.step, of: file)
          if let next { #expect(next.lowerBound >= number * Self.step) }
        }
      }
    }
    let end = 400 * Self.step
    let next = readAhead.next(after: end..<end + UInt64(Self.window), of: 7)
    #expect(next != nil)
  }
}
