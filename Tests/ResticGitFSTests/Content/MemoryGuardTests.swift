import ResticCore
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("MemoryGuard")
struct MemoryGuardTests {
  // M2 Writers that would take the memory that a commit needs get ENOMEM.
  @Test("refuses work while hardly any memory is left, notices soon, and allows work once there is memory again")
  func lowMemory() throws {
    let room = Locked(1 << 30)
    let looks = Locked(0)
    let memory = MemoryGuard {
      looks.withLock { $0 += 1 }
      return room.withLock { $0 }
    }
    for _ in 0..<1000 { try memory.require() }
    // The process is not looked at for every request.
    #expect(looks.withLock { $0 } < 100)
    room.withLock { $0 = 10 << 20 }
    var passed = 0
    while passed < 1000, (try? memory.require()) != nil { passed += 1 }
    #expect(passed < 100)
    #expect(throws: Errno.noMemory) { try memory.require() }
    room.withLock { $0 = 1 << 30 }
    try memory.require()
  }

  @Test("never looks again if nothing limits the process")
  func unlimited() throws {
    let looks = Locked(0)
    let memory = MemoryGuard {
      looks.withLock { $0 += 1 }
      return nil
    }
    for _ in 0..<1000 { try memory.require() }
    #expect(looks.withLock { $0 } == 1)
  }
}
