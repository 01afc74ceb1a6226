import Glibc

/// RESTIC_PASSWORD, until the process for the mount has it: on a page of its own, which is kept out of swap and core
/// dumps where the system allows this, without another copy.
///
/// Belongs to one thread.
final class HeldPassword: @unchecked Sendable {
  private static let name = "RESTIC_PASSWORD"

  private let memory: UnsafeMutableRawPointer
  private let byteCount: Int
  private var isWiped = false

  /// Removes the variable from the environment: children and /proc no longer show it. Nil if it is not set.
  static func take() -> HeldPassword? {
    guard let value = getenv(name) else { return nil }
    // Without memory for one page, this process cannot do anything.
    guard let password = HeldPassword(value) else { return nil }
    explicit_bzero(value, strlen(value))
    unsetenv(name)
    return password
  }

  private init?(_ value: UnsafePointer<CChar>) {
    let start = Array("\(Self.name)=".utf8)
    let valueByteCount = strlen(value) + 1
    byteCount = start.count + valueByteCount
    let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let mapped, mapped != MAP_FAILED else { return nil }
    memory = mapped
    // Both fail beyond a limit of the system, which cannot be changed here.
    mlock(memory, byteCount)
    madvise(memory, byteCount, MADV_DONTDUMP)
    memory.copyMemory(from: start, byteCount: start.count)
    memory.advanced(by: start.count).copyMemory(from: value, byteCount: valueByteCount)
  }

  deinit {
    wipe()
    munmap(memory, byteCount)
  }

  /// `RESTIC_PASSWORD=…`, as exec(2) takes it; nil once it is wiped. Valid as long as this exists.
  var word: UnsafeMutablePointer<CChar>? {
    isWiped ? nil : memory.assumingMemoryBound(to: CChar.self)
  }

  /// Overwrites it.
  func wipe() {
    explicit_bzero(memory, byteCount)
    isWiped = true
  }
}
