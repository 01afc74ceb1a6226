/// Sizes as restic writes them for people: `512 B`, `12.3 MiB`.
enum ByteCountText {
  /// `byteCount` in the largest unit that leaves at least 1 before the point, with three decimals at GiB and more.
  static func text(_ byteCount: UInt64) -> String {
    var unit = byteCount
    var names = ["B", "KiB", "MiB", "GiB", "TiB"][...]
    var rest: UInt64 = 0
    while unit >= 1024, names.count > 1 {
      rest = unit % 1024
      unit /= 1024
      names = names.dropFirst()
    }
    let name = names.first ?? "B"
    guard name != "B" else { return "\(byteCount) B" }
    return "\(unit).\(rest * 10 / 1024) \(name)"
  }
}
