import ResticCore

@testable import ResticGitFS

// The declarations that make the printed form of a `TreeChange` Swift source.

extension [UInt8] {
  /// `count` bytes, which differ from count to count.
  static func count(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
  }
}

extension TreeChange.WrittenBytes {
  /// `count` bytes, which differ from count to count.
  static func count(_ count: Int) -> TreeChange.WrittenBytes {
    let buffer = WriteBuffer(capacity: max(count, 1))
    [UInt8].count(count).withUnsafeBytes { _ = buffer.append($0) }
    return .buffer(buffer)
  }
}

extension NewInode {
  /// Something of root's.
  init(type: NodeType, permissions: UInt32) {
    self.init(
      type: type, permissions: permissions,
      owner: NamedOwner(id: FileOwner(userID: 0, groupID: 0), user: "", group: ""))
  }
}

extension Namespace {
  /// A tree with nothing in it.
  static func empty(deviceID: UInt64 = 77) -> Namespace {
    Namespace(
      root: Node(name: Name([]), type: .dir, mode: 0), tree: nil, deviceID: deviceID, rules: GitNameRules())
  }
}
