import Testing

@testable import ResticCore

@Suite struct NodeTests {
  private static let id = BlobID(words: (1, 2, 3, 4))

  private func json(_ node: Node) -> String {
    let text = String(decoding: Tree(nodes: [node]).encode(), as: UTF8.self)
    return String(text.dropFirst(#"{"nodes":["#.count).dropLast("]}\n".count))
  }

  private func decode(_ json: String) throws -> Node {
    try #require(try Tree.decode(Array("{\"nodes\":[\(json)]}\n".utf8)).nodes.first)
  }

  private static let times =
    #""mtime":"0001-01-01T00:00:00Z","atime":"0001-01-01T00:00:00Z","ctime":"0001-01-01T00:00:00Z""#

  @Test("a node takes at most 168 bytes and shares its owner with its neighbours")
  func memory() throws {
    #expect(MemoryLayout<Node>.stride <= 168)
    let nodes = try Tree.decode(RealTrees.kinds).nodes
    let owners = Set(nodes.compactMap { $0.owner.map(ObjectIdentifier.init) })
    #expect(nodes.count > 20 && owners.count <= 5)
    let plain = try #require(nodes.first { $0.name == "t0" })
    #expect(plain.box == nil)
  }

  @Test("empty members are omitted, but never ids, times and content")
  func omitted() {
    #expect(
      json(Node(name: "a", type: .file, mode: 0))
        == #"{"name":"a","type":"file",\#(Self.times),"uid":0,"gid":0,"content":[]}"#)
    #expect(
      json(Node(name: "a", type: .dir, mode: 1 << 31, subtree: Self.id))
        == #"{"name":"a","type":"dir","mode":2147483648,\#(Self.times),"uid":0,"gid":0,"content":null,"subtree":"\#(Self.id)"}"#
    )
    for type in [NodeType.symlink, .dev, .chardev, .fifo, .socket, .other("x")] {
      #expect(json(Node(name: "a", type: type, mode: 0)).hasSuffix(#","content":null}"#))
    }
  }

  @Test("members are written in restic's order")
  func order() throws {
    let node = Node(
      name: "a", type: .other("x<"), mode: 1, mtime: Timestamp(seconds: 0, nanoseconds: 0),
      atime: Timestamp(seconds: 1, nanoseconds: 0), ctime: Timestamp(seconds: 2, nanoseconds: 0),
      uid: 2, gid: 3, user: "u", group: "g", inode: 4, deviceID: 5, size: 6, links: 7, linkTarget: [0xff],
      extendedAttributes: [ExtendedAttribute(name: "user.x", value: [1])], device: 8, content: [Self.id],
      subtree: Self.id,
      error: "e",
      unknownFields: [
        UnknownField(key: "new", rawValue: Array("[1, 2]".utf8)),
        UnknownField(key: "generic_attributes", rawValue: Array(#"{"b":1,"a":2}"#.utf8)),
      ])
    let expected =
      #"{"name":"a","type":"x\u003c","mode":1,"mtime":"1970-01-01T00:00:00Z","atime":"1970-01-01T00:00:01Z","#
      + #""ctime":"1970-01-01T00:00:02Z","uid":2,"gid":3,"user":"u","group":"g","inode":4,"device_id":5,"size":6,"links":7,"#
      + #""linktarget":"\ufffd","linktarget_raw":"/w==","extended_attributes":[{"name":"user.x","value":"AQ=="}],"#
      + #""generic_attributes":{"b":1,"a":2},"device":8,"content":["\#(Self.id)"],"subtree":"\#(Self.id)","error":"e","new":[1, 2]}"#
    #expect(json(node) == expected)
    var decoded = try decode(expected)
    #expect(decoded.spelling.isEmpty)
    // The order of members that we don't know is that in which they stood.
    decoded.unknownFields.reverse()
    #expect(decoded == node)
  }

  @Test("the content of a file is a list, and of any other node null, also after the type changes")
  func contentFollowsType() {
    var node = Node(name: "a", type: .file, mode: 0)
    #expect(json(node).contains(#""content":[]"#))
    node.type = .dir
    #expect(json(node).contains(#""content":null"#))
    node.type = .other("file2")
    #expect(node.type == .other("file2"))
    node.type = .file
    #expect(node.type == .file && json(node).contains(#""content":[]"#))
    node.content = [Self.id]
    #expect(node.content == [Self.id])
    node.content = [Self.id, Self.id]
    node.content = []
    #expect(json(node).contains(#""content":[]"#))
    #expect(node.subtree == nil)
  }

  @Test("an empty content stays null or a list, as it was stored")
  func storedContent() throws {
    let file = #"{"name":"a","type":"file",\#(Self.times),"uid":0,"gid":0,"content":null}"#
    let dir = #"{"name":"a","type":"dir",\#(Self.times),"uid":0,"gid":0,"content":[],"subtree":"\#(Self.id)"}"#
    for text in [file, dir] {
      let node = try decode(text)
      #expect(node.spelling.isEmpty)
      #expect(json(node) == text)
    }
    #expect(try decode(dir).subtree == Self.id)
  }

  @Test("an unchanged node keeps its text; a changed node is encoded again")
  func spelling() throws {
    let text = #"{ "type":"file","name":"a","mode":420.0e0 }"#
    #expect(throws: FormatError.self) { try decode(text) }
    let odd = #"{ "type":"file","name":"a","mode":420,"Mode":1,"size":5,"size":6,"user":null }"#
    let node = try decode(odd)
    #expect(node.size == 6)
    #expect(json(node) == odd)
    let ours = #"{"name":"a","type":"file","mode":420,\#(Self.times),"uid":0,"gid":0,"size":6,"content":null,"Mode":1}"#
    let changes: [(inout Node) -> Void] = [
      { $0.name = "a" }, { $0.type = $0.type }, { $0.mode = 420 }, { $0.mtime = .zero }, { $0.atime = .zero },
      { $0.ctime = .zero }, { $0.uid = 0 }, { $0.gid = 0 }, { $0.user = "" }, { $0.group = "" }, { $0.inode = 0 },
      { $0.deviceID = 0 }, { $0.size = 6 }, { $0.links = 0 }, { $0.linkTarget = [] }, { $0.extendedAttributes = [] },
      { $0.device = 0 }, { $0.subtree = nil }, { $0.error = "" }, { $0.unknownFields = $0.unknownFields },
    ]
    for (index, change) in changes.enumerated() {
      var changed = node
      change(&changed)
      let expected = index == 1 ? ours.replacing("\"content\":null", with: "\"content\":[]") : ours
      #expect(json(changed) == expected, "change \(index)")
    }
    var changed = node
    changed.content = []
    #expect(json(changed) == ours.replacing("\"content\":null", with: "\"content\":[]"))
    #expect(json(node) == odd)
  }

  @Test("every field counts for equality, and the spelling does not")
  func equality() throws {
    let base = try decode(#"{"name":"a","type":"file","linktarget":"x"}"#)
    #expect(base == (try decode(#"{"linktarget":"x","type":"file","name":"a"}"#)))
    let time = Timestamp(seconds: 1, nanoseconds: 0)
    let changes: [(inout Node) -> Void] = [
      { $0.name = "b" }, { $0.type = .dir }, { $0.type = .other("x") }, { $0.mode = 1 }, { $0.mtime = time },
      { $0.atime = time }, { $0.ctime = time }, { $0.uid = 1 }, { $0.gid = 1 }, { $0.user = "u" }, { $0.group = "g" },
      { $0.inode = 1 }, { $0.deviceID = 1 }, { $0.size = 1 }, { $0.links = 1 }, { $0.linkTarget = [1] },
      { $0.extendedAttributes = [ExtendedAttribute(name: "n", value: [])] }, { $0.device = 1 },
      { $0.content = [Self.id] }, { $0.subtree = Self.id }, { $0.error = "e" },
      { $0.unknownFields = [UnknownField(key: "k", rawValue: [0x31])] },
    ]
    for (index, change) in changes.enumerated() {
      var changed = base
      change(&changed)
      #expect(changed != base, "change \(index)")
    }
  }

  @Test("a link target that isn't UTF-8 survives in linktarget_raw")
  func rawLinkTarget() throws {
    let targets: [[UInt8]] = [
      [0x61, 0xff, 0x62], [0xed, 0xa0, 0x80], [0], Array("é<\u{2028}".utf8), Array("\u{fffd}".utf8),
      (1...255).map { $0 },
    ]
    for target in targets {
      let node = Node(name: "a", type: .symlink, mode: 1 << 27 | 0o777, linkTarget: target)
      let decoded = try decode(json(node))
      #expect(decoded.linkTarget == target)
      #expect(decoded == node)
      #expect(decoded.spelling.isEmpty)
      let isText = String(validating: target, as: UTF8.self) != nil
      #expect(json(node).contains("linktarget_raw") == !isText)
    }
  }

  @Test("null leaves a member empty")
  func nulls() throws {
    let node = try decode(
      #"{"name":"a","type":"file","mode":null,"mtime":null,"atime":null,"ctime":null,"uid":null,"gid":null,"user":null,"#
        + #""group":null,"inode":null,"device_id":null,"size":null,"links":null,"linktarget":null,"linktarget_raw":null,"#
        + #""extended_attributes":null,"device":null,"content":null,"subtree":null,"error":null}"#)
    var expected = Node(name: "a", type: .file, mode: 0)
    expected.payload = .none
    #expect(node == expected)
  }

  @Test("neighbours with the same owner share its memory, other nodes do not")
  func owners() throws {
    func node(_ name: String, _ owner: String) -> String { "{\"name\":\"\(name)\",\"type\":\"file\"\(owner)}" }
    let tree = try Tree.decode(
      Array(
        """
        {"nodes":[\(node("a", #","user":"u","group":"g""#)),\(node("b", #","user":"u","group":"g""#)),\(node("c", #","user":"u""#)),\
        \(node("d", #","group":"u""#)),\(node("e", "")),\(node("f", #","user":"\u0075","group":"g""#))]}
        """.utf8))
    #expect(tree.nodes.map(\.user) == ["u", "u", "u", "", "", "u"])
    #expect(tree.nodes.map(\.group) == ["g", "g", "", "u", "", "g"])
    #expect(tree.nodes[0].owner === tree.nodes[1].owner)
  }

  @Test("nodes whose texts are equal in Unicode but differ in bytes are different")
  func spellings() {
    let (composed, decomposed) = ("\u{e9}", "e\u{301}")
    let changes: [(inout Node, String) -> Void] = [
      { $0.user = $1 }, { $0.group = $1 }, { $0.error = $1 }, { $0.type = .other($1) },
      { $0.unknownFields = [UnknownField(key: $1, rawValue: [48])] },
      { $0.extendedAttributes = [ExtendedAttribute(name: Name($1), value: [])] },
    ]
    for change in changes {
      var (one, other, same) = (
        Node(name: "f", type: .file, mode: 0), Node(name: "f", type: .file, mode: 0),
        Node(name: "f", type: .file, mode: 0)
      )
      change(&one, composed)
      change(&other, decomposed)
      change(&same, composed)
      #expect(one != other)
      #expect(one == same)
    }
  }
}
