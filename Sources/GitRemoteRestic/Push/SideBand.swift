/// The bands that share a connection: the first byte of each packet tells its band. Source: gitprotocol-pack(5),
/// side-band-64k.
enum SideBand: UInt8, Sendable {
  case report = 1
  case progress = 2
  case error = 3

  /// Splits `bytes` into packets of `band`.
  static func encoded(_ bytes: [UInt8], band: SideBand) -> [UInt8] {
    var result: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(Packet.longest - 5)
      result += Packet([band.rawValue] + part).encoded
      rest = rest.dropFirst(part.count)
    }
    return result
  }
}
