import SystemPackage
import Testing

@testable import ResticCore

@Suite("The pool of buffers")
struct BufferPoolTests {
  @Test("a returned buffer is lent again for the same power of two")
  func again() throws {
    let pool = BufferPool(idleByteLimit: 1 << 20)
    let first = pool.take(byteCount: 70_000)
    #expect(first.count == 70_000)
    let address = try #require(first.baseAddress)
    pool.giveBack(first)
    #expect(pool.idle.withLock { $0.byteCount } == 1 << 17)
    let other = pool.take(byteCount: 140_000)
    #expect(other.baseAddress != address)
    let second = pool.take(byteCount: 1 << 17)
    #expect(second.baseAddress == address)
    #expect(pool.idle.withLock { $0.byteCount } == 0)
    pool.giveBack(second)
    pool.giveBack(other)
  }

  @Test("a power of two, and a page more, share a class of buffers", arguments: 16...25)
  func pageMore(size: Int) throws {
    let pool = BufferPool(idleByteLimit: 64 << 20)
    let whole = 1 << size + 4096
    let first = pool.take(byteCount: whole)
    first.initializeMemory(as: UInt8.self, repeating: 1)
    pool.giveBack(first)
    let second = pool.take(byteCount: 1 << size)
    #expect(second.baseAddress == first.baseAddress)
    pool.giveBack(second)
    let third = pool.take(byteCount: whole)
    #expect(third.baseAddress == first.baseAddress)
    third.initializeMemory(as: UInt8.self, repeating: 2)
    pool.giveBack(third)
    let larger = pool.take(byteCount: whole + 1)
    #expect(larger.baseAddress != first.baseAddress)
    pool.giveBack(larger)
    pool.trim()
  }

  // M2 Writers that would take the memory that a commit needs get ENOMEM.
  @Test("has room while less than the limit is lent")
  func room() {
    let pool = BufferPool(idleByteLimit: 1 << 20)
    pool.limitLent(to: 300_000)
    let first = pool.take(byteCount: 1 << 17)
    let small = pool.take(byteCount: 1000)
    #expect(pool.hasRoom)
    let second = pool.take(byteCount: 1 << 18)
    #expect(!pool.hasRoom)
    pool.giveBack(first)
    #expect(pool.hasRoom)
    // Idle buffers do not count as lent.
    let third = pool.take(byteCount: 1 << 17)
    #expect(!pool.hasRoom)
    for buffer in [small, second, third] { pool.giveBack(buffer) }
    pool.trim()
    #expect(pool.hasRoom)
  }

  // S2 No core dump shows the memory of a process.
  @Test("buffers are excluded from core dumps")
  func dumps() throws {
    let pool = BufferPool(idleByteLimit: 1 << 20)
    let buffer = pool.take(byteCount: 1 << 20)
    defer { pool.giveBack(buffer) }
    let address = UInt(bitPattern: buffer.baseAddress)
    var flags: Substring?
    var isInside = false
    let maps = try FileDescriptor.open("/proc/self/smaps", .readOnly)
    defer { try? maps.close() }  // nothing was written
    for line in String(decoding: try maps.readToEnd(), as: UTF8.self).split(separator: "\n") {
      let ends = line.prefix { $0 != " " }.split(separator: "-").map { UInt($0, radix: 16) }
      if ends.count == 2, let start = ends[0], let end = ends[1] { isInside = (start..<end).contains(address) }
      if isInside, line.hasPrefix("VmFlags:") { flags = line }
    }
    #expect(try #require(flags).contains(" dd"))
  }

  @Test("the pool keeps no more than its limit, beside some packs")
  func limit() {
    let pool = BufferPool(idleByteLimit: 1 << 20)
    let buffers = (0..<20).map { _ in pool.take(byteCount: 1 << 17) }
    for buffer in buffers { pool.giveBack(buffer) }
    #expect(pool.idle.withLock { $0.byteCount } == 1 << 20)
    for byteCount in [0, 1, 40_000, 10 << 20, 20 << 20, 100 << 20] { pool.giveBack(pool.take(byteCount: byteCount)) }
    #expect(pool.idle.withLock { $0.byteCount } <= 1 << 20)
    pool.limitIdle(to: 1 << 19)
    #expect(pool.idle.withLock { $0.byteCount } <= 1 << 19 && pool.idle.withLock { $0.byteCount } > 1 << 18)
    pool.trim()
    #expect(pool.idle.withLock { $0.byteCount } == 0)
  }

  @Test("bytes are preserved while a buffer moves, grows and changes its owner")
  func bytes() {
    let first = PooledBytes(copying: Array(0..<200))
    #expect(first.array == Array(0..<200))
    let second = PooledBytes(capacity: 100_000)
    first.move(from: 150, to: second)
    #expect(first.array == Array(0..<150))
    #expect(second.array == Array(150..<200))
    [UInt8](repeating: 7, count: 3).withUnsafeBytes { second.append($0) }
    #expect(second.array.suffix(3) == [7, 7, 7])
  }
}

extension FileDescriptor {
  /// All bytes up to the end, of a file that doesn't know its size.
  fileprivate func readToEnd() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = try chunk.withUnsafeMutableBytes { try read(into: $0) }
      guard count > 0 else { return bytes }
      bytes += chunk[..<count]
    }
  }
}
