/// Memory that one reader of chunks fills and empties again and again, so that a large file costs no allocation a step.
///
/// Not thread-safe: its owner is one task at a time.
final class ScratchBuffer: @unchecked Sendable {
  private let memory: UnsafeMutableRawBufferPointer
  /// How many bytes are in it, from its start on.
  private(set) var byteCount = 0

  /// An empty buffer for up to `capacity` bytes.
  init(capacity: Int) {
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit {
    memory.deallocate()
  }

  /// What is in it.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<byteCount]) }

  /// Adds `byteCount` bytes that `fill` writes.
  func append(byteCount added: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    precondition(byteCount + added <= memory.count, "the owner reads no further than one step behind the longest chunk")
    fill(UnsafeMutableRawBufferPointer(rebasing: memory[byteCount..<byteCount + added]))
    byteCount += added
  }

  /// Takes the first `count` bytes out.
  func take(_ count: Int) -> [UInt8] {
    let taken = [UInt8](UnsafeRawBufferPointer(rebasing: memory[..<count]))
    if count < byteCount, let base = memory.baseAddress {
      base.copyMemory(from: base + count, byteCount: byteCount - count)
    }
    byteCount -= count
    return taken
  }

  /// Forgets everything.
  func clear() {
    byteCount = 0
  }
}
