/// The query of a request, as it is sent and signed: sorted, with everything encoded.
struct S3Query: Hashable, Sendable {
  /// `a=1&b=x%2Fy`; empty if there is none.
  let text: String

  /// A query of `items`, in any order.
  init(_ items: [(name: String, value: String)] = []) {
    let encoded = items.map { (PercentCoding.strict($0.name), PercentCoding.strict($0.value)) }
    // Encoded text is ASCII, so text is compared as its bytes are.
    text = encoded.sorted { $0 < $1 }.map { "\($0)=\($1)" }.joined(separator: "&")
  }
}
