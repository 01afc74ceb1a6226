import Testing

@testable import ResticGitFS

@Suite("MemoryBudget")
struct MemoryBudgetTests {
  // M2 A mount lowers --memory-limit to what the limits of its process leave.
  @Test("is lowered to the available memory, never below the minimum, and never raised")
  func fitting() {
    let standard = MemoryBudget.standard
    #expect(standard.fitting(nil) == standard)
    #expect(standard.fitting(8 << 30) == standard)
    var last = Int.max
    for room in stride(from: 1 << 30, through: MemoryBudget.leastRoom, by: -(1 << 20)) {
      guard let budget = standard.fitting(room) else {
        Issue.record("the least room is room enough")
        return
      }
      #expect(budget.byteLimit <= last && budget.byteLimit >= MemoryBudget.minimum)
      // Writers stop at the limit of the budget long before the pool refuses them.
      #expect(budget.lentByteLimit(room) > Int(budget.dirtyByteLimit) + 6 * budget.packByteLimit)
      #expect(budget.lentByteLimit(room) < room)
      last = budget.byteLimit
    }
    #expect(standard.fitting(MemoryBudget.leastRoom)?.byteLimit == MemoryBudget.minimum)
    #expect(standard.fitting(MemoryBudget.leastRoom - 1) == nil)
    #expect(standard.fitting(-1) == nil)
  }
}
