/// The log of a stress run: every push that was reported as accepted, and counts.
actor StressLog {
  /// The description of each commit.
  private(set) var accepted: [String: String] = [:]
  private(set) var counts: [String: Int] = [:]

  /// Notes that the commit `id` was pushed, and that git said so.
  func accept(_ id: String, _ description: String) {
    accepted[id] = description
  }

  /// Counts one more of `what`.
  func count(_ what: String, _ number: Int = 1) {
    counts[what, default: 0] += number
  }

  /// Sets the count of `what`.
  func set(_ what: String, _ number: Int) {
    counts[what] = number
  }

  /// Everything counted, in one line.
  var summary: String {
    counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  }
}
