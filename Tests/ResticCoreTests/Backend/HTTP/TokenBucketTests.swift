import Testing

@testable import ResticCore

@Suite("TokenBucket")
struct TokenBucketTests {
  @Test("the bucket starts with one second's worth, and then fills at the rate")
  func rate() {
    let start = ContinuousClock.now
    var bucket = TokenBucket(bytesPerSecond: 1000, now: start)
    #expect(bucket.take(upTo: 5000, at: start) == 1000)
    #expect(bucket.take(upTo: 5000, at: start) == 0)
    #expect(bucket.delay(at: start) > .zero)
    #expect(bucket.take(upTo: 5000, at: start.advanced(by: .milliseconds(250))) == 250)
    #expect(bucket.take(upTo: 5000, at: start.advanced(by: .seconds(100))) == 1000)
    // A clock that goes back gives nothing.
    #expect(bucket.take(upTo: 1, at: start) == 0)
  }

  @Test("later requests wait until a debt is paid")
  func debts() {
    let start = ContinuousClock.now
    var bucket = TokenBucket(bytesPerSecond: 1000, now: start)
    bucket.owe(3000, at: start)
    #expect(bucket.take(upTo: 1, at: start.advanced(by: .seconds(2))) == 0)
    #expect(bucket.delay(at: start.advanced(by: .seconds(2))) < .milliseconds(2))
    #expect(bucket.take(upTo: 500, at: start.advanced(by: .seconds(3))) == 500)
  }
}
