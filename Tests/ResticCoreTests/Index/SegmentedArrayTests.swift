import Testing

@testable import ResticCore

@Suite("An array in segments")
struct SegmentedArrayTests {
  @Test(
    "truncation at and around every segment border keeps the elements before it, and appending continues there",
    arguments: [0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 9000])
  func truncation(count: Int) {
    var array = SegmentedArray<Int>()
    for number in 0..<9000 { array.append(number) }
    array.truncate(to: count)
    #expect(array.count == count)
    array.append(-1)
    #expect(array.count == count + 1)
    #expect(array[count] == -1)
    #expect((0..<count).allSatisfy { array[$0] == $0 })
  }
}
