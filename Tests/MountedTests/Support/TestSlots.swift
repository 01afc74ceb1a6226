/// Lets a few tests run at a time. A mounted test is several processes, and its time limits are those of a machine that
/// is not overloaded.
actor TestSlots {
  /// The slots of all suites.
  static let shared = TestSlots(count: 4)

  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  private init(count: Int) {
    free = count
  }

  /// The result of `body`, run when there is a slot.
  nonisolated func run<Result: Sendable>(_ body: () async throws -> Result) async rethrows -> Result {
    await take()
    do {
      let result = try await body()
      await giveBack()
      return result
    } catch {
      await giveBack()
      throw error
    }
  }

  private func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func giveBack() {
    if waiting.isEmpty {
      free += 1
    } else {
      waiting.removeFirst().resume()
    }
  }
}
