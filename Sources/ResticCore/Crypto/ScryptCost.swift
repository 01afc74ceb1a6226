/// How costly scrypt makes each guess at a password. Field names are those of RFC 7914 and of restic's key files.
public struct ScryptCost: Hashable, Sendable {
  /// RFC 7914's N: the number of blocks, a power of two above 1.
  public let n: Int
  /// The block size in units of 128 bytes.
  public let r: Int
  /// How many times the computation is repeated, one after the other.
  public let p: Int

  /// The cost as a key file states it; `isAcceptable` tells whether scrypt will accept it.
  public init(n: Int, r: Int, p: Int) {
    self.n = n
    self.r = r
    self.p = p
  }

  /// The least cost of scrypt: for tests, protects nothing.
  public static let minimum = ScryptCost(n: 2, r: 8, p: 1)

  /// The most memory that a key file may require, in bytes: 32 times as much as restic's calibration.
  static let memoryLimit = 1 << 30
  /// The most work that a key file may require, as N·r·p: about a minute where restic's calibration takes half a
  /// second.
  static let workLimit = 1 << 28

  /// Whether the cost is valid by RFC 7914 and needs at most 1 GiB of memory and about a minute of one core.
  ///
  /// Key files come from outside: without the limits, a key file could take all memory or keep a core busy for days.
  public var isAcceptable: Bool {
    guard n > 1, n & (n - 1) == 0, r > 0, p > 0 else { return false }
    let (blocks, blocksOverflow) = r.multipliedReportingOverflow(by: p)
    guard !blocksOverflow, blocks < 1 << 30 else { return false }
    let (work, workOverflow) = n.multipliedReportingOverflow(by: blocks)
    guard !workOverflow, work <= Self.workLimit else { return false }
    return memoryByteCount <= Self.memoryLimit
  }

  /// The memory that scrypt allocates: the large vector, one block for each `p`, and the scratch pad. Valid only within
  /// the work limit.
  private var memoryByteCount: Int {
    128 * r * n + 128 * r * p + 256 * r + 64
  }
}
