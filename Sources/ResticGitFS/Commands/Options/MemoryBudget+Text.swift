import ArgumentParser

extension MemoryBudget {
  /// The budget in `text`: a number of bytes, or of KiB, MiB or GiB followed by K, M or G.
  static func parse(_ text: String) throws -> MemoryBudget {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30]
    let shift = text.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Int(shift == nil ? text[...] : text.dropLast()), number > 0, number <= Int.max >> (shift ?? 0),
      number << (shift ?? 0) >= minimum
    else { throw ValidationError("'\(text)' is not a size of at least 64M, such as 512M or 1G") }
    return MemoryBudget(byteLimit: number << (shift ?? 0))
  }
}
