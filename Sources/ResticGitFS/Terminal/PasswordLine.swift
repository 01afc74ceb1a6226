import Glibc
import ResticCore

/// Reads one secret line; its only copy is in guarded memory.
enum PasswordLine {
  /// The next line of `descriptor`, without `\n` or `\r\n`. Nil at the end of input, on a read error, and for a line of
  /// more than `limit` bytes. May consume input after the line.
  static func read(from descriptor: Int32, limit: Int) -> SecureBytes? {
    let buffer = SecureBytes(byteCount: limit + 2)
    return buffer.withUnsafeMutableBytes { memory in
      var count = 0
      var end: Int?
      while end == nil {
        guard count < memory.count, let start = memory.baseAddress else { return nil }
        let added = Glibc.read(descriptor, start + count, memory.count - count)
        if added < 0 && errno == EINTR { continue }
        guard added > 0 else { break }
        end = memory[count..<count + added].firstIndex(of: UInt8(ascii: "\n"))
        count += added
      }
      guard end != nil || count > 0 else { return nil }
      var line = UnsafeRawBufferPointer(memory)[..<(end ?? count)]
      if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
      guard line.count <= limit else { return nil }
      return SecureBytes(copying: UnsafeRawBufferPointer(rebasing: line))
    }
  }
}
