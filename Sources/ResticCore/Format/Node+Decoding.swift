extension Node {
  /// Reads the nodes of one tree. Remembers the last owner, so that neighbouring nodes share it, and keeps a buffer for
  /// comparing spellings.
  struct Decoder: ~Copyable {
    private var lastUser: Range<Int>?
    private var lastGroup: Range<Int>?
    private var lastOwner: Owner?
    private var scratch = GoJSON.Writer(capacity: 4096)

    init() {}

    /// Reads the next value of `reader` as a node. Every call must pass the same reader.
    mutating func node(_ reader: inout GoJSON.Reader) throws(FormatError) -> Node {
      var fields = Fields()
      var object = try reader.beginObject()
      let start = reader.position - 1
      while let key = try reader.nextKey(&object) { try fields.read(key, &reader) }

      var node = Node(name: Name(fields.name), type: .file, mode: fields.mode)
      node.kind = fields.kind
      node.mtime = fields.mtime
      node.atime = fields.atime
      node.ctime = fields.ctime
      node.uid = fields.uid
      node.gid = fields.gid
      node.inode = fields.inode
      node.deviceID = fields.deviceID
      node.size = fields.size
      node.links = fields.links
      node.payload = fields.payload
      node.owner = owner(fields, reader)
      if fields.hasRarities {
        if let raw = fields.rawLinkTarget { fields.rarities.linkTarget = raw }
        node.rarities = fields.rarities
      }
      guard node.name.isPathComponent else {
        throw reader.error("the name \"\(node.name.excerpt)\" can't be that of a file, before")
      }

      scratch.removeAll()
      node.writeFields(node.box?.rarities, to: &scratch)
      let source = UnsafeRawBufferPointer(rebasing: reader.bytes[start..<reader.position])
      if !GoJSON.isEqual(scratch.written, source) { node.spelling = Array(source) }
      return node
    }

    private mutating func owner(_ fields: Fields, _ reader: GoJSON.Reader) -> Owner? {
      func isSame(_ left: GoJSON.Reader.StringToken?, _ right: Range<Int>?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return GoJSON.isEqual(
          UnsafeRawBufferPointer(rebasing: reader.bytes[left.range]),
          UnsafeRawBufferPointer(rebasing: reader.bytes[right]))
      }
      if !isSame(fields.user, lastUser) || !isSame(fields.group, lastGroup) {
        lastUser = fields.user?.range
        lastGroup = fields.group?.range
        lastOwner = Owner(
          user: fields.user.map { reader.text($0) } ?? "",
          group: fields.group.map { reader.text($0) } ?? "")
      }
      return lastOwner
    }
  }

  /// The members of a node while they are read. Each is set by the last member of its name; `null` leaves it as it is.
  private struct Fields {
    var name: [UInt8] = []
    var kind = Kind.other
    var mode: UInt32 = 0
    var mtime = Timestamp.zero
    var atime = Timestamp.zero
    var ctime = Timestamp.zero
    var uid: UInt32 = 0
    var gid: UInt32 = 0
    var user: GoJSON.Reader.StringToken?
    var group: GoJSON.Reader.StringToken?
    var inode: UInt64 = 0
    var deviceID: UInt64 = 0
    var size: UInt64 = 0
    var links: UInt64 = 0
    var payload = Payload.none
    var hasRarities = false
    var rarities = Rarities()
    /// The value of `linktarget_raw`, which comes before that of `linktarget`.
    var rawLinkTarget: [UInt8]?

    @inline(__always)
    mutating func read(_ key: GoJSON.Reader.Key, _ reader: inout GoJSON.Reader) throws(FormatError) {
      switch key.count {
      case 3:
        if key == "uid" { return try number(&uid, &reader) }
        if key == "gid" { return try number(&gid, &reader) }
      case 4:
        if key == "name" { return try readName(&reader) }
        if key == "type" { return try readType(&reader) }
        if key == "mode" { return try number(&mode, &reader) }
        if key == "user" { return try token(&user, &reader) }
        if key == "size" { return try number(&size, &reader) }
      case 5:
        if key == "mtime" { return try time(&mtime, &reader) }
        if key == "atime" { return try time(&atime, &reader) }
        if key == "ctime" { return try time(&ctime, &reader) }
        if key == "group" { return try token(&group, &reader) }
        if key == "inode" { return try number(&inode, &reader) }
        if key == "links" { return try number(&links, &reader) }
      case 7:
        if key == "content" { return try readContent(&reader) }
        if key == "subtree" { return try readSubtree(&reader) }
      case 9:
        if key == "device_id" { return try number(&deviceID, &reader) }
      default: break
      }
      try readRarity(key, &reader)
    }

    private mutating func readRarity(_ key: GoJSON.Reader.Key, _ reader: inout GoJSON.Reader) throws(FormatError) {
      hasRarities = true
      if key == "linktarget" {
        if try reader.skipNull() { return }
        rarities.linkTarget = reader.utf8(try reader.stringToken())
      } else if key == "linktarget_raw" {
        rawLinkTarget = try reader.skipNull() ? nil : try reader.base64()
      } else if key == "extended_attributes" {
        rarities.extendedAttributes = try reader.array { reader throws(FormatError) in try Self.attribute(&reader) }
      } else if key == "device" {
        try number(&rarities.device, &reader)
      } else if key == "error" {
        if try reader.skipNull() { return }
        rarities.error = try reader.string()
      } else {
        rarities.unknownFields.append(try reader.unknownField(key))
      }
    }

    @inline(__always)
    private func number<Number: FixedWidthInteger>(
      _ field: inout Number, _ reader: inout GoJSON.Reader
    ) throws(FormatError) {
      if try !reader.skipNull() { field = try reader.number() }
    }

    @inline(__always)
    private func time(_ field: inout Timestamp, _ reader: inout GoJSON.Reader) throws(FormatError) {
      if try !reader.skipNull() { field = try reader.time() }
    }

    @inline(__always)
    private func token(
      _ field: inout GoJSON.Reader.StringToken?, _ reader: inout GoJSON.Reader
    ) throws(FormatError) {
      if try !reader.skipNull() { field = try reader.stringToken() }
    }

    @inline(__always)
    private mutating func readName(_ reader: inout GoJSON.Reader) throws(FormatError) {
      if try reader.skipNull() { return }
      let token = try reader.stringToken()
      if token.isPlain {
        name = Array(reader.bytes[token.range])
        return
      }
      guard let unquoted = reader.unescape(token).withUnsafeBytes({ GoQuote.unquote($0) }) else {
        throw reader.error("a name that isn't quoted as Go does, before")
      }
      name = unquoted
    }

    @inline(__always)
    private mutating func readType(_ reader: inout GoJSON.Reader) throws(FormatError) {
      if try reader.skipNull() { return }
      let token = try reader.stringToken()
      let text = UnsafeRawBufferPointer(rebasing: reader.bytes[token.range])
      if GoJSON.isEqual(text, "file") {
        kind = .file
      } else if GoJSON.isEqual(text, "dir") {
        kind = .dir
      } else {
        let type = NodeType(text: reader.text(token))
        kind = Kind(type)
        if case .other(let word) = type {
          rarities.otherType = word
          hasRarities = true
        }
      }
      if kind != .other { rarities.otherType = "" }
    }

    @inline(__always)
    private mutating func readContent(_ reader: inout GoJSON.Reader) throws(FormatError) {
      let subtree = payload.subtree
      if try reader.skipNull() {
        payload = Payload(content: nil, subtree: subtree)
        return
      }
      var array = try reader.beginArray()
      guard try reader.nextElement(&array) else {
        payload = Payload(content: [], subtree: subtree)
        return
      }
      let first = try reader.id(BlobID.self)
      guard try reader.nextElement(&array) else {
        payload = subtree == nil ? .blob(first) : Payload(content: [first], subtree: subtree)
        return
      }
      var ids = [first, try reader.id(BlobID.self)]
      while try reader.nextElement(&array) { ids.append(try reader.id(BlobID.self)) }
      payload = Payload(content: ids, subtree: subtree)
    }

    @inline(__always)
    private mutating func readSubtree(_ reader: inout GoJSON.Reader) throws(FormatError) {
      let subtree: BlobID? = try reader.skipNull() ? nil : try reader.id(BlobID.self)
      payload = Payload(content: payload.content, subtree: subtree)
    }

    private static func attribute(_ reader: inout GoJSON.Reader) throws(FormatError) -> ExtendedAttribute {
      var attribute = ExtendedAttribute(name: "", value: [])
      if try reader.skipNull() { return attribute }
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "name" {
          if try !reader.skipNull() { attribute.name = Name(reader.utf8(try reader.stringToken())) }
        } else if key == "value" {
          attribute.value = try reader.skipNull() ? [] : try reader.base64()
        } else {
          try reader.skipValue()
        }
      }
      return attribute
    }
  }
}
