/// How many round trips a run of requests took: the length of its longest chain of requests, each of which began after the
/// answer of the one before had ended.
///
/// Requests of one chain may have been sent one after the other by chance: so this is the most that the run took, and with a
/// round trip that is long beside everything else it is what the run took.
public struct RequestRounds: Sendable, CustomStringConvertible {
  /// A request and its answer.
  public struct Exchange: Hashable, Sendable {
    /// The request: `GET config`.
    public let name: String
    /// When the request had arrived.
    public let begin: Duration
    /// When the answer was sent.
    public let end: Duration

    /// An exchange; both times count from the same start, which the recorder chooses.
    public init(_ name: String, begin: Duration, end: Duration) {
      self.name = name
      self.begin = begin
      self.end = end
    }
  }

  /// All of them, by their beginnings.
  public let exchanges: [Exchange]
  /// The longest chain.
  public let chain: [Exchange]

  /// The rounds that `exchanges` took.
  public init(_ exchanges: [Exchange]) {
    self.exchanges = exchanges.sorted { $0.begin < $1.begin }
    let byEnd = exchanges.sorted { $0.end < $1.end }
    // The longest chain that ends with each request, and the request's predecessor in the chain.
    var depths = [Int](repeating: 1, count: byEnd.count)
    var before = [Int?](repeating: nil, count: byEnd.count)
    // The deepest request of those up to a place.
    var deepest: [Int] = []
    for (place, exchange) in byEnd.enumerated() {
      let earlier = Self.count(of: byEnd, endingBy: exchange.begin)
      if earlier > 0 {
        before[place] = deepest[earlier - 1]
        depths[place] = depths[deepest[earlier - 1]] + 1
      }
      let last = deepest.last
      deepest.append(last.map { depths[$0] >= depths[place] ? $0 : place } ?? place)
    }
    var chain: [Exchange] = []
    var next = deepest.last
    while let place = next {
      chain.append(byEnd[place])
      next = before[place]
    }
    self.chain = chain.reversed()
  }

  /// How many round trips it took.
  public var count: Int { chain.count }

  /// A line for each request, with marks on those of the longest chain.
  public var description: String {
    let marked = Set(chain)
    let lines = exchanges.map { exchange in
      "\(marked.contains(exchange) ? "*" : " ") \(Self.text(exchange.begin)) \(Self.text(exchange.end)) \(exchange.name)"
    }
    return (["\(exchanges.count) requests in \(count) rounds"] + lines).joined(separator: "\n")
  }

  private static func text(_ time: Duration) -> String {
    let number = String(Int(time / .milliseconds(1)))
    return String(repeating: " ", count: max(0, 6 - number.count)) + number
  }

  /// How many of `exchanges`, which are in the order of their ends, end by `time`.
  private static func count(of exchanges: [Exchange], endingBy time: Duration) -> Int {
    var (low, high) = (0, exchanges.count)
    while low < high {
      let middle = (low + high) / 2
      if exchanges[middle].end <= time { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
