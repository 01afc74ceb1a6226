/// How a node keeps its fields small.
extension Node {
  /// A type in one byte; the text of `other` is in `Rarities`.
  enum Kind: UInt8, Hashable, Sendable {
    case file, dir, symlink, dev, chardev, fifo, socket, other

    init(_ type: NodeType) {
      self =
        switch type {
        case .file: .file
        case .dir: .dir
        case .symlink: .symlink
        case .dev: .dev
        case .chardev: .chardev
        case .fifo: .fifo
        case .socket: .socket
        case .other: .other
        }
    }

    /// The type; `other` without its text.
    var type: NodeType {
      switch self {
      case .file: .file
      case .dir: .dir
      case .symlink: .symlink
      case .dev: .dev
      case .chardev: .chardev
      case .fifo: .fifo
      case .socket: .socket
      case .other: .other("")
      }
    }
  }

  /// Content and subtree. The usual cases, one blob or one subtree, need no memory of their own.
  enum Payload: Hashable, Sendable {
    /// `"content":null`.
    case none
    /// `"content":[]`.
    case empty
    case blob(BlobID)
    /// Two or more.
    case blobs([BlobID])
    case subtree(BlobID)
    /// A subtree together with content that is not null, which restic never writes.
    indirect case both(content: [BlobID], subtree: BlobID)

    init(content: [BlobID]?, subtree: BlobID?) {
      switch (content, subtree) {
      case (nil, nil): self = .none
      case (let content?, nil):
        switch content.count {
        case 0: self = .empty
        case 1: self = .blob(content[0])
        default: self = .blobs(content)
        }
      case (nil, let subtree?): self = .subtree(subtree)
      case (let content?, let subtree?): self = .both(content: content, subtree: subtree)
      }
    }

    /// Nil = `null`.
    var content: [BlobID]? {
      switch self {
      case .none, .subtree: nil
      case .empty: []
      case .blob(let id): [id]
      case .blobs(let ids), .both(let ids, _): ids
      }
    }

    var subtree: BlobID? {
      switch self {
      case .subtree(let id), .both(_, let id): id
      default: nil
      }
    }
  }

  /// User and group, shared by the nodes of a tree with the same owner.
  final class Owner: Sendable {
    let user: String
    let group: String

    /// Nil if both are empty.
    init?(user: String, group: String) {
      if user.isEmpty, group.isEmpty { return nil }
      self.user = user
      self.group = group
    }
  }

  /// The fields that few nodes have.
  struct Rarities: Sendable {
    /// The text of an unknown type.
    var otherType = ""
    var linkTarget: [UInt8] = []
    var extendedAttributes: [ExtendedAttribute] = []
    var device: UInt64 = 0
    var error = ""
    var unknownFields: [UnknownField] = []
    /// See `Node.spelling`; empty if this program would write the same text.
    var spelling: [UInt8] = []

    var isEmpty: Bool { spelling.isEmpty && hasSameFields(as: Rarities()) }

    /// Whether everything except the spelling is equal.
    func hasSameFields(as other: Rarities) -> Bool {
      otherType.hasBytes(of: other.otherType) && linkTarget == other.linkTarget
        && extendedAttributes == other.extendedAttributes
        && device == other.device && error.hasBytes(of: other.error) && unknownFields == other.unknownFields
    }
  }

  /// `Rarities` on the heap; never changed after creation.
  final class Box: Sendable {
    let rarities: Rarities

    /// Nil if `rarities` is empty.
    init?(_ rarities: Rarities) {
      if rarities.isEmpty { return nil }
      self.rarities = rarities
    }
  }
}
