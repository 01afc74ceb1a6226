import Foundation
import SystemPackage

/// One way in which a stored file can be wrong.
enum FileDamage: CustomStringConvertible, Sendable {
  case missing
  /// Only so many of its first bytes are there.
  case truncated(Int)
  /// The lowest bit of the byte at this place is another.
  case flipped(Int)
  /// Bytes that do not belong to it follow.
  case extended

  /// All of them for a file of `byteCount` bytes, at its beginning, its end and some places between.
  static func all(byteCount: Int) -> [FileDamage] {
    let cuts = [0, 1, byteCount / 2, byteCount - 1]
    let flips = [0, byteCount / 4, byteCount / 2, byteCount - 20, byteCount - 1]
    return [.missing, .extended] + cuts.map { .truncated($0) } + flips.map { .flipped($0) }
  }

  /// The bytes of a file of `byteCount` bytes that are lost.
  func lostRange(byteCount: Int) -> Range<Int> {
    switch self {
    case .missing: 0..<byteCount
    case .truncated(let count): count..<byteCount
    case .flipped(let place): place..<place + 1
    case .extended: byteCount..<byteCount
    }
  }

  /// Whether there is more left than nothing at all or a byte.
  var leavesContent: Bool {
    switch self {
    case .missing: false
    case .truncated(let count): count > 1
    case .flipped, .extended: true
    }
  }

  /// Calls `body` while the file at `path` is damaged so.
  func with(_ path: FilePath, _ body: () async throws -> Void) async throws {
    let sound = try Data(contentsOf: URL(fileURLWithPath: path.string))
    try FileManager.default.removeItem(atPath: path.string)
    var damaged = sound
    switch self {
    case .missing: break
    case .truncated(let count): damaged = sound.prefix(count)
    case .flipped(let place): damaged[place] ^= 1
    case .extended: damaged.append(contentsOf: Array("more".utf8))
    }
    if case .missing = self {} else { try damaged.write(to: URL(fileURLWithPath: path.string)) }
    try await body()
    try sound.write(to: URL(fileURLWithPath: path.string))
  }

  var description: String {
    switch self {
    case .missing: "missing"
    case .truncated(let count): "cut to \(count) bytes"
    case .flipped(let place): "byte \(place) changed"
    case .extended: "longer than it was"
    }
  }
}
