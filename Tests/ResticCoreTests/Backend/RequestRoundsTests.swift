import ResticTestSupport
import Testing

@Suite("Counting rounds of requests")
struct RequestRoundsTests {
  private static func exchange(_ name: String, _ begin: Int, _ end: Int) -> RequestRounds.Exchange {
    RequestRounds.Exchange(name, begin: .milliseconds(begin), end: .milliseconds(end))
  }

  @Test("no request takes no round, and one request takes one round")
  func few() {
    #expect(RequestRounds([]).count == 0)
    #expect(RequestRounds([Self.exchange("a", 0, 50)]).count == 1)
  }

  @Test("overlapping requests share a round; consecutive requests do not")
  func overlapping() {
    let rounds = RequestRounds([
      Self.exchange("late", 51, 101), Self.exchange("first", 0, 50), Self.exchange("beside", 3, 53),
      Self.exchange("last", 101, 151),
    ])
    #expect(rounds.count == 3)
    #expect(rounds.chain.map(\.name) == ["first", "late", "last"])
    #expect(rounds.exchanges.map(\.name) == ["first", "beside", "late", "last"])
  }

  @Test("a long request is one round, however many requests fit beside it")
  func longest() {
    let short = (0..<20).map { Self.exchange("\($0)", $0 * 10, $0 * 10 + 9) }
    let rounds = RequestRounds(short + [Self.exchange("long", 0, 1000), Self.exchange("end", 1001, 1002)])
    #expect(rounds.count == 21)
    #expect(rounds.chain.last?.name == "end" && !rounds.chain.contains { $0.name == "long" })
  }

  @Test("the count agrees with a search through all chains", arguments: 0..<50)
  func model(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let exchanges = (0..<10).map { number in
      let begin = Int.random(in: 0..<100, using: &random)
      return Self.exchange("\(number)", begin, begin + Int.random(in: 1..<40, using: &random))
    }
    func longest(after time: Duration) -> Int {
      exchanges.filter { $0.begin >= time }.map { 1 + longest(after: $0.end) }.max() ?? 0
    }
    let rounds = RequestRounds(exchanges)
    #expect(rounds.count == longest(after: .zero))
    for (one, next) in zip(rounds.chain, rounds.chain.dropFirst()) { #expect(one.end <= next.begin) }
  }
}
