import ResticCore

/// The numbers that stat(2) shows: one file, one number, the same in every mount of the repository.
///
/// A file's number is derived from the two numbers that are stored with it (`Node.inode`, `Node.deviceID`), which also
/// tell which names are hard links of one file. If two files share both numbers, or a file has none, it gets another
/// number, derived from its place in the tree. No two files of a mount show the same number.
///
/// An `InodeNumber` is different: it is the kernel's handle of an inode, counted from 1 in each mount.
struct InodeNumbers: Sendable {
  /// The root's number.
  static let root: UInt64 = 1
  /// Numbers fit into 63 bits: many programs keep them as signed integers.
  private static let mask = UInt64.max >> 1

  private var taken: Set<UInt64> = [root]
  /// Numbers that are not derived from the stored ones.
  private var chosen: [InodeNumber: UInt64] = [:]
  /// Derived numbers that belong to more than one file.
  private var shared: Set<UInt64> = []

  /// The number of `inode`, whose node is `node`.
  func number(of inode: InodeNumber, _ node: Node) -> UInt64 {
    inode == Namespace.root ? Self.root : chosen[inode] ?? Self.stored(node) ?? 0
  }

  /// Gives an inode the number derived from its stored ones; returns false if another file has it, or there are none.
  mutating func takeStored(_ node: Node) -> Bool {
    guard let stored = Self.stored(node) else { return false }
    if taken.insert(stored).inserted { return true }
    shared.insert(stored)
    return false
  }

  /// Whether another file has, or had, the same stored numbers.
  func isShared(_ node: Node) -> Bool {
    Self.stored(node).map(shared.contains) ?? false
  }

  /// Gives an inode a number derived from its name and `parent`, the number of the directory that holds the name.
  mutating func choose(for inode: InodeNumber, _ node: Node, as name: Name, in parent: UInt64) {
    chosen[inode] = takeFree(Self.number(for: node, as: name, in: parent))
  }

  private static func number(for node: Node, as name: Name, in parent: UInt64) -> UInt64 {
    var hash = mix(parent &+ (stored(node) ?? 0))
    for byte in name.bytes { hash = mix(hash ^ UInt64(byte)) }
    return hash & mask
  }

  /// Whether an inode that is created again from `node` gets the same number as this one has.
  ///
  /// False if its number depends on which of several files came first.
  func isRepeatable(_ inode: InodeNumber, _ node: Node, as name: Name, in parent: UInt64) -> Bool {
    switch (chosen[inode], Self.stored(node)) {
    case (nil, let stored?): !shared.contains(stored)
    case (nil, nil): true
    case (let number?, nil): number == Self.number(for: node, as: name, in: parent)
    case (_?, _?): false
    }
  }

  /// Removes an inode that is gone, or that is about to get another node.
  mutating func remove(_ inode: InodeNumber, _ node: Node) {
    guard inode != Namespace.root else { return }
    taken.remove(number(of: inode, node))
    chosen[inode] = nil
  }

  /// Releases the number of an inode without names, which no program has open, for the file that takes the inode's
  /// place.
  mutating func giveUp(_ inode: InodeNumber, _ node: Node) {
    remove(inode, node)
    chosen[inode] = takeFree(Self.mix(inode))
  }

  /// Makes a file distinguishable that may share its stored numbers with others: changes the numbers of `node`, but not
  /// the number that is shown. No other file with this `deviceID` gets the same.
  mutating func identify(_ inode: InodeNumber, _ node: inout Node, deviceID: UInt64) {
    let number = number(of: inode, node)
    node.inode = (number &- Self.mix(deviceID)) & Self.mask
    node.deviceID = deviceID
    chosen[inode] = Self.stored(node) == number ? nil : number
  }

  private mutating func takeFree(_ start: UInt64) -> UInt64 {
    var number = start & Self.mask
    while number <= Self.root || !taken.insert(number).inserted { number = Self.mix(number &+ 1) & Self.mask }
    return number
  }

  /// The number derived from a node's stored ones; nil if it has none. Files of one device never share one.
  private static func stored(_ node: Node) -> UInt64? {
    guard node.inode != 0 else { return nil }
    let number = (node.inode &+ mix(node.deviceID)) & mask
    return number > root ? number : nil
  }

  /// SplitMix64's finalizer: it scatters, is a permutation of its type, and is 0 only for 0.
  private static func mix(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }
}
