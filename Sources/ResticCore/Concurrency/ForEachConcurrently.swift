/// Runs `body` for every item, at most `limit` at a time. Throws the first failure, after all running calls have ended.
///
/// After a failure no further item is begun. Items are begun in the order of `items`.
func forEachConcurrently<Item: Sendable, Failure: Error>(
  _ items: [Item], limit: Int, _ body: @escaping @Sendable (Item) async throws(Failure) -> Void
) async throws(Failure) {
  let failure = await withTaskGroup(of: Failure?.self, returning: Failure?.self) { group in
    var remaining = items.makeIterator()
    var failure: Failure?
    func begin(_ item: Item) {
      group.addTask {
        do throws(Failure) {
          try await body(item)
          return nil
        } catch {
          return error
        }
      }
    }
    for _ in 0..<max(limit, 1) {
      if let item = remaining.next() { begin(item) }
    }
    while let outcome = await group.next() {
      failure = failure ?? outcome
      if failure == nil, let item = remaining.next() { begin(item) }
    }
    return failure
  }
  if let failure { throw failure }
}
