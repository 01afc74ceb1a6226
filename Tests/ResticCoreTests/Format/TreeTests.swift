import Testing

@testable import ResticCore

@Suite struct TreeTests {
  @Test(
    "trees that restic wrote are encoded to the same bytes",
    arguments: [RealTrees.kinds, RealTrees.single, RealTrees.empty])
  func real(blob: [UInt8]) throws {
    #expect(try Tree.decode(blob).encode() == blob)
  }

  @Test("trees that newer versions write are encoded to the same bytes")
  func newer() throws {
    let tree = try Tree.decode(MalformedInputTests.windowsTree)
    #expect(tree.encode() == MalformedInputTests.windowsTree)
    for node in tree.nodes { #expect(node.spelling.isEmpty) }
    #expect(tree.nodes[0].unknownFields.map(\.key) == ["generic_attributes"])
    #expect(tree.nodes[1].unknownFields.map(\.key) == ["later"])
    #expect(tree.nodes[1].type == .other("irregular"))
  }

  @Test("the nodes of a real tree describe the files")
  func meaning() throws {
    let tree = try Tree.decode(RealTrees.kinds)
    func node(_ name: Name) throws -> Node { try #require(tree.nodes.first { $0.name == name }) }
    #expect(try node("hello").links == 2)
    #expect(try node("hello").inode == node("hello2").inode)
    #expect(try node("hello").extendedAttributes[0] == ExtendedAttribute(name: "user.a", value: [0, 0xff, 0x76]))
    #expect(try node("big").size == 1_800_000 && node("big").content.count == 2)
    #expect(
      try node("empty").mode == 1 << 23 | 0o755 && node("empty").uid == 1_234_567 && node("empty").gid == 7_654_321)
    #expect(try node("sg").mode == 1 << 22 | 0o711)
    #expect(try node("sticky").mode == 1 << 31 | 1 << 20 | 0o777 && node("sticky").subtree != nil)
    #expect(try node("nomode").mode == 0)
    #expect(
      try node("chr").type == .chardev && node("chr").device == 0x103 && node("chr").mode == 1 << 26 | 1 << 21 | 0o600)
    #expect(try node("blk").type == .dev && node("blk").mode == 1 << 26 | 0o600)
    #expect(try node("fifo").type == .fifo)
    #expect(try node("link3").linkTarget == Array(#"q"\<>&"#.utf8))
    #expect(try node("t1").mtime == Timestamp(seconds: 1_700_000_000, nanoseconds: 1))
    #expect(try node("old").mtime == Timestamp(seconds: -1, nanoseconds: 999_999_999))
    // restic stores the time of change as that of access unless told otherwise.
    #expect(try node("old").atime == node("old").mtime)
  }

  @Test("nodes are written in the order of their names' bytes")
  func sorting() throws {
    let names: [Name] = ["b", "a.b", "é", "a", "a b", "e\u{301}", Name([0xff]), "B"]
    let tree = Tree(nodes: names.map { Node(name: $0, type: .file, mode: 0) })
    #expect(try Tree.decode(tree.encode()).nodes.map(\.name) == names.sorted())
  }

  @Test("an unsorted tree comes back sorted")
  func unsorted() throws {
    let tree = try Tree.decode(Array(#"{"nodes":[{"name":"b","type":"file"},{"name":"a","type":"file"}]}"#.utf8))
    #expect(tree.nodes.map(\.name) == ["a", "b"])
  }

  @Test("a duplicate name is an error that names it, adjacent or not")
  func duplicates() {
    for (nodes, name) in [(["a", "a"], "a"), (["x", "a", "x"], "x"), ([#"\\x61"#, "a"], "a")] {
      let json = nodes.map { "{\"name\":\"\($0)\",\"type\":\"file\"}" }.joined(separator: ",")
      let error = #expect(throws: FormatError.self) { try Tree.decode(Array("{\"nodes\":[\(json)]}".utf8)) }
      #expect(error?.message == "tree: two nodes are named \"\(name)\"")
    }
  }

  @Test(
    "an impossible file name is an error that names it",
    arguments: [
      ("", ""), (".", "."), ("..", ".."), ("a/b", "a/b"), ("/", "/"), (#"\\x00"#, #"\x00"#), (#"a\u0000"#, #"a\x00"#),
      (#"\\x2e\\x2e"#, ".."),
    ])
  func invalidNames(json: String, shown: String) {
    let error = #expect(throws: FormatError.self) {
      try Tree.decode(Array("{\"nodes\":[{\"name\":\"\(json)\",\"type\":\"file\"}]}".utf8))
    }
    #expect(error?.message.contains("\"\(shown)\"") == true, "\(error?.message ?? "")")
  }

  @Test("the error for an endless name is short")
  func longName() {
    let name = String(repeating: "x", count: 100_000) + "/"
    let error = #expect(throws: FormatError.self) {
      try Tree.decode(Array("{\"nodes\":[{\"name\":\"\(name)\",\"type\":\"file\"}]}".utf8))
    }
    #expect((error?.message.utf8.count ?? .max) < 500)
  }

  @Test("names of other systems, longer than 255 bytes, are accepted")
  func longerNames() throws {
    let name = String(repeating: "日", count: 255)
    #expect(
      try Tree.decode(Array("{\"nodes\":[{\"name\":\"\(name)\",\"type\":\"file\"}]}".utf8)).nodes[0].name == Name(name))
  }

  @Test("a node needs a name")
  func nameless() {
    #expect(throws: FormatError.self) { try Tree.decode(Array(#"{"nodes":[{"type":"file"}]}"#.utf8)) }
    #expect(throws: FormatError.self) { try Tree.decode(Array(#"{"nodes":[null]}"#.utf8)) }
  }

  @Test("null is an empty tree, a missing list is an error, and other members do not matter")
  func shapes() throws {
    #expect(try Tree.decode(Array(#"{"nodes":null}"#.utf8)).nodes.isEmpty)
    #expect(try Tree.decode(Array(#" {"x":[{"nodes":1}], "nodes":[] ,"y":{}} "#.utf8)).nodes.isEmpty)
    for text in ["", "{}", "[]", "null", #"{"nodes":{}}"#, #"{"nodes":[]}x"#, #"{"Nodes":[]}"#] {
      #expect(throws: FormatError.self) { try Tree.decode(Array(text.utf8)) }
    }
    #expect(Tree().encode() == Array("{\"nodes\":[]}\n".utf8))
  }

  @Test(
    "numbers that do not fit into their field are refused",
    arguments: [
      #""mode":4294967296"#, #""uid":-1"#, #""gid":1.0"#, #""size":18446744073709551616"#, #""inode":"1""#,
      #""links":1e1"#,
      #""mtime":"yesterday""#, #""content":["x"]"#, #""content":[null]"#, #""subtree":"""#, #""linktarget_raw":"x""#,
      #""extended_attributes":[1]"#, #""extended_attributes":[{"value":"?"}]"#, #""user":1"#, #""type":[]"#,
    ])
  func wrongMembers(member: String) {
    #expect(throws: FormatError.self) {
      try Tree.decode(Array("{\"nodes\":[{\"name\":\"a\",\"type\":\"file\",\(member)}]}".utf8))
    }
  }
}
