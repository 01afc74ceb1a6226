import Glibc
import SystemPackage
import Testing

@testable import ResticCore

@Suite("Calls of the system")
struct SystemCallTests {
  @Test("are made again when a signal interrupts them, and with no other error")
  func retrying() throws {
    var results = [(-1, EINTR), (-1, EINTR), (7, 0), (-1, EIO), (8, 0)][...]
    func call() -> Int {
      let (result, error) = results.removeFirst()
      errno = error
      return result
    }
    #expect(try SystemCall.retrying(call) == 7)
    #expect(results.count == 2)
    #expect(throws: Errno.ioError) { try SystemCall.retrying(call) }
    #expect(results.count == 1)
  }
}
