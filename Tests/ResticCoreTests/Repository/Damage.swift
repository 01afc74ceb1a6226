/// The damage that a bad disk can do to a file.
enum Damage {
  /// Every truncation of a short file (a few of a long one), the file with one bit flipped at every position (or a few),
  /// zeros, and something behind the end.
  static func all(of bytes: [UInt8]) -> [[UInt8]] {
    let step = max(1, bytes.count / 97)
    let positions = Array(stride(from: 0, to: bytes.count, by: step))
    var damaged = positions.map { Array(bytes.prefix($0)) }
    for position in positions + [bytes.count - 1] {
      var flipped = bytes
      flipped[position] ^= 1 << UInt8(position % 8)
      damaged.append(flipped)
    }
    damaged.append([UInt8](repeating: 0, count: bytes.count))
    damaged.append(bytes + [0])
    return damaged
  }
}
