import Foundation
import Glibc

/// Reads and writes HTTP on a socket, which stays its owner's.
struct SocketStream {
  private let socket: Int32
  private var buffer: [UInt8] = []

  init(_ socket: Int32) {
    self.socket = socket
  }

  /// The lines of a header, without the empty one; nil at the end of the connection.
  mutating func readHead() -> [String]? {
    let end = Array("\r\n\r\n".utf8)
    while true {
      if let range = buffer.firstRange(of: end) {
        let text = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
        buffer.removeFirst(range.upperBound)
        return text.components(separatedBy: "\r\n")
      }
      guard fill() else { return nil }
    }
  }

  /// The next `count` bytes; nil where the connection ends before.
  mutating func read(_ count: Int) -> [UInt8]? {
    while buffer.count < count {
      guard fill() else { return nil }
    }
    defer { buffer.removeFirst(count) }
    return Array(buffer.prefix(count))
  }

  /// Everything up to the end of the connection.
  mutating func readAll() -> [UInt8] {
    while fill() {}
    defer { buffer = [] }
    return buffer
  }

  /// Writes all of `bytes`, or as many as the peer accepts.
  func write(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { bytes in
        Self.retrying { send(socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
      }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// The value of Content-Length among `fields`.
  static func contentLength(_ fields: [String]) -> Int? {
    let field = fields.first { $0.lowercased().hasPrefix("content-length:") }
    return field.flatMap { Int($0.dropFirst("content-length:".count).trimmingCharacters(in: .whitespaces)) }
  }

  /// The result of `call`, which is repeated while signals interrupt it.
  static func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
      let result = call()
      guard result < 0, errno == EINTR || errno == ECONNABORTED else { return result }
    }
  }

  private mutating func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65536)
    let count = Self.retrying { recv(socket, &chunk, chunk.count, 0) }
    guard count > 0 else { return false }
    buffer += chunk[..<count]
    return true
  }
}
