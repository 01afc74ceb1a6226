/// One entry of a directory as restic stores it: a value, without identity.
///
/// Nodes are small, because a mounted repository holds one for every file: an entry with one blob takes
/// `MemoryLayout<Node>.stride` bytes (160 now; `NodeTests` checks the limit) and the bytes of its name. The nodes of
/// one tree share user and group, and rare fields are in one optional box (`Rarities`).
///
/// Decoding and encoding an unchanged node gives the same bytes, whatever program wrote it. If this program's encoding
/// would differ (another order, another Unicode version, another spelling), the node keeps its original text until a
/// field is set.
public struct Node: Hashable, Sendable {
  /// The entry's name: one path component.
  public var name: Name { didSet { changed() } }
  /// Go's `os.FileMode`: permission bits; dir 1<<31, symlink 1<<27, device 1<<26, fifo 1<<25, socket 1<<24, setuid
  /// 1<<23, setgid 1<<22, chardev 1<<21, sticky 1<<20.
  public var mode: UInt32 { didSet { changed() } }
  /// The owner's numeric user id at the time of the backup.
  public var uid: UInt32 { didSet { changed() } }
  /// The numeric group id at the time of the backup.
  public var gid: UInt32 { didSet { changed() } }
  /// When the content last changed.
  public var mtime: Timestamp { didSet { changed() } }
  /// When the content was last read. restic stores the modification time here unless `--with-atime` was given.
  public var atime: Timestamp { didSet { changed() } }
  /// When the inode last changed (`st_ctime`).
  public var ctime: Timestamp { didSet { changed() } }
  /// The inode number (`st_ino`) in the file system that was backed up. 0 = not stored.
  public var inode: UInt64 { didSet { changed() } }
  /// The device the file was on; restic stores it to recognise hard links. 0 = not stored.
  public var deviceID: UInt64 { didSet { changed() } }
  /// Bytes of the content.
  public var size: UInt64 { didSet { changed() } }
  /// Number of hard links. 0 = not stored.
  public var links: UInt64 { didSet { changed() } }

  var payload: Payload { didSet { changed() } }
  var kind: Kind { didSet { changed() } }
  /// Nil when both names are empty.
  var owner: Owner? { didSet { changed() } }
  /// Nil when every field in it is empty.
  private(set) var box: Box?

  /// A node of that type. Fields that are not given are empty, and times are `Timestamp.zero`.
  public init(
    name: Name, type: NodeType, mode: UInt32,
    mtime: Timestamp = .zero, atime: Timestamp = .zero, ctime: Timestamp = .zero,
    uid: UInt32 = 0, gid: UInt32 = 0, user: String = "", group: String = "",
    inode: UInt64 = 0, deviceID: UInt64 = 0, size: UInt64 = 0, links: UInt64 = 0,
    linkTarget: [UInt8] = [], extendedAttributes: [ExtendedAttribute] = [], device: UInt64 = 0,
    content: [BlobID] = [], subtree: BlobID? = nil, error: String = "", unknownFields: [UnknownField] = []
  ) {
    self.name = name
    self.mode = mode
    self.uid = uid
    self.gid = gid
    self.mtime = mtime
    self.atime = atime
    self.ctime = ctime
    self.inode = inode
    self.deviceID = deviceID
    self.size = size
    self.links = links
    kind = Kind(type)
    payload = .none
    owner = Owner(user: user, group: group)
    var rarities = Rarities()
    if case .other(let text) = type { rarities.otherType = text }
    rarities.linkTarget = linkTarget
    rarities.extendedAttributes = extendedAttributes
    rarities.device = device
    rarities.error = error
    rarities.unknownFields = unknownFields
    box = Box(rarities)
    payload = Payload(content: content.isEmpty && type != .file ? nil : content, subtree: subtree)
  }

  /// Whether the node is a file, a directory, a link or something else. Setting the type keeps `content`, which is then
  /// stored as the new type stores it.
  public var type: NodeType {
    get { kind == .other ? .other(rarities.otherType) : kind.type }
    set {
      let content = content
      kind = Kind(newValue)
      if case .other(let text) = newValue { rarities.otherType = text } else { rarities.otherType = "" }
      self.content = content
    }
  }

  /// The owner's name at the time of the backup; empty = unknown.
  public var user: String {
    get { owner?.user ?? "" }
    set { owner = Owner(user: newValue, group: group) }
  }

  /// The group's name at the time of the backup; empty = unknown.
  public var group: String {
    get { owner?.group ?? "" }
    set { owner = Owner(user: user, group: newValue) }
  }

  /// The data blobs of a file, in order. Stored as `[]` for a file without any and as `null` for everything else.
  public var content: [BlobID] {
    get { payload.content ?? [] }
    set { payload = Payload(content: newValue.isEmpty && kind != .file ? nil : newValue, subtree: subtree) }
  }

  /// The tree of a directory.
  public var subtree: BlobID? {
    get { payload.subtree }
    set { payload = Payload(content: payload.content, subtree: newValue) }
  }

  /// Where a symlink points to: any bytes.
  public var linkTarget: [UInt8] {
    get { rarities.linkTarget }
    set { rarities.linkTarget = newValue }
  }

  /// The extended attributes, in the order in which they are stored; empty = none.
  public var extendedAttributes: [ExtendedAttribute] {
    get { rarities.extendedAttributes }
    set { rarities.extendedAttributes = newValue }
  }

  /// The device number of a device node, as the kernel's `st_rdev`.
  public var device: UInt64 {
    get { rarities.device }
    set { rarities.device = newValue }
  }

  /// What went wrong when restic read the file; empty = nothing.
  public var error: String {
    get { rarities.error }
    set { rarities.error = newValue }
  }

  /// Members that this version does not know, in their order. `generic_attributes` is written where restic writes it,
  /// the others at the end.
  public var unknownFields: [UnknownField] {
    get { rarities.unknownFields }
    set { rarities.unknownFields = newValue }
  }

  /// The node's text in the tree that it was read from, if `encode` would write other text for the fields.
  var spelling: [UInt8] {
    get { rarities.spelling }
    set {
      // Not set through `rarities`, whose setter is for changes of the node's meaning.
      var copy = rarities
      copy.spelling = newValue
      box = Box(copy)
    }
  }

  var rarities: Rarities {
    get { box?.rarities ?? Rarities() }
    set {
      var changed = newValue
      changed.spelling = []
      box = Box(changed)
    }
  }

  /// The stored text no longer fits a changed node.
  @inline(__always)
  private mutating func changed() {
    if box != nil { forgetSpelling() }
  }

  @inline(never)
  private mutating func forgetSpelling() {
    if !spelling.isEmpty { spelling = [] }
  }

  /// Compares the fields, but not the spelling.
  public static func == (left: Node, right: Node) -> Bool {
    left.name == right.name && left.kind == right.kind && left.mode == right.mode
      && left.uid == right.uid && left.gid == right.gid
      && left.mtime == right.mtime && left.atime == right.atime && left.ctime == right.ctime
      && left.inode == right.inode && left.deviceID == right.deviceID
      && left.size == right.size && left.links == right.links && left.payload == right.payload
      && (left.owner === right.owner || left.user.hasBytes(of: right.user) && left.group.hasBytes(of: right.group))
      && (left.box === right.box || left.rarities.hasSameFields(as: right.rarities))
  }

  /// Hashes the fields in which nodes mostly differ; equal nodes hash equally, whatever their spelling.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(kind)
    hasher.combine(mode)
    hasher.combine(size)
    hasher.combine(mtime)
    hasher.combine(inode)
  }
}
