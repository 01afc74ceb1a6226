import MessageText

/// What receive-pack reports at the end of a push: `unpack …`, then `ok REF` or `ng REF REASON` for each reference.
///
/// In the second version of the report `option …` lines may follow an `ok`. Source: gitprotocol-pack(5).
struct PushReport: Hashable, Sendable {
  /// The lines, each with its newline as received.
  private(set) var lines: [[UInt8]]

  /// Parses the report's packets; nil unless the report is complete: it begins with `unpack` and ends with a flush
  /// packet.
  init?(parsing bytes: [UInt8]) {
    let packets = Packet.parse(bytes)
    guard let end = packets.firstIndex(where: \.isFlush) else { return nil }
    lines = packets[..<end].map(\.payload)
    guard lines.first?.starts(with: Array("unpack ".utf8)) == true else { return nil }
  }

  /// The references that were accepted.
  var accepted: [[UInt8]] { lines.compactMap { Self.accepted($0) } }

  /// Refuses the accepted references among `references`, or all accepted references if that is nil, for `reason`.
  mutating func refuse(_ reason: String, only references: Set<[UInt8]>? = nil) {
    var isDropping = false
    // The reason must be one line and fit into a packet.
    let line = String(reason.map { $0.isNewline ? " " : $0 }).printable
    let words = String(line.unicodeScalars.prefix(1000))
    lines = lines.compactMap { line in
      if let reference = Self.accepted(line), references?.contains(reference) ?? true {
        isDropping = true
        return Array("ng ".utf8) + reference + Array(" \(words)\n".utf8)
      }
      if isDropping, line.starts(with: Array("option ".utf8)) { return nil }
      isDropping = false
      return line
    }
  }

  /// The report as it is sent, in band 1 if the client asked for bands. The bands' own flush packet is not included.
  func encoded(inSideBand: Bool) -> [UInt8] {
    let plain = lines.flatMap { Packet($0).encoded } + Packet.flush.encoded
    return inSideBand ? SideBand.encoded(plain, band: .report) : plain
  }

  private static func accepted(_ line: [UInt8]) -> [UInt8]? {
    let prefix = Array("ok ".utf8)
    guard line.starts(with: prefix) else { return nil }
    return Array(line.dropFirst(prefix.count).prefix { $0 != UInt8(ascii: "\n") })
  }
}
