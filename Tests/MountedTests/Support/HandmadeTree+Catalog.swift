import ResticTestSupport

@testable import ResticCore

extension HandmadeTree {
  /// The content of every sound file in these trees.
  static let text = Array("sound\n".utf8)
  private static let textID = SHA256.id(of: text, as: BlobID.self).hex
  private static let absentID = String(repeating: "0123456789abcdef", count: 4)
  private static let zeros = String(repeating: "0", count: 64)

  /// A sound node called `name`.
  private static func sound(_ name: String = "\"sound\"", _ members: [String: String] = [:]) -> String {
    node(name, "file", ["size": "\(text.count)", "content": "[\"\(textID)\"]"].merging(members) { $1 })
  }

  /// A tree with a sound file and one called `broken`, which can't be read.
  private static func brokenFile(_ name: Name, _ members: [String: String], type: String = "file") -> HandmadeTree {
    HandmadeTree(name, nodes: [node("\"broken\"", type, members), sound()], .files(["broken": nil, "sound": text]))
  }

  /// A tree that has a sound file and a name that must not be.
  private static func badName(_ name: Name, _ spelled: String) -> HandmadeTree {
    HandmadeTree(name, nodes: [sound(), sound(spelled)], .nothing)
  }

  /// A tree whose one node is sound but for `members`.
  private static func odd(_ name: Name, _ members: [String: String], isFine: Bool = false) -> HandmadeTree {
    HandmadeTree(name, nodes: [sound("\"sound\"", members)], isFine ? .files(["sound": text]) : .nothing)
  }

  /// Trees that are wrong in one way each.
  static let catalog: [HandmadeTree] = badNames + badFiles + badNumbers + badText

  private static let badNames = [
    badName("name is ..", "\"..\""), badName("name is .", "\".\""), badName("name is empty", "\"\""),
    badName("name has a slash", "\"a/b\""), badName("name is a slash", "\"/\""),
    badName("name climbs", "\"../../etc/passwd\""),
    badName("name has a NUL", "\"a\\u0000b\""), badName("name is a number", "1"), badName("name is null", "null"),
    badName("name twice", "\"sound\""), badName("name twice, escaped", "\"s\\u006fund\""),
    HandmadeTree(
      "names unsorted", nodes: [sound("\"z\""), sound("\"a\""), sound("\"m\"")],
      .files(["a": text, "m": text, "z": text])),
    HandmadeTree("no names", nodes: [], .files([:])),
    HandmadeTree("name missing", "{\"nodes\":[{\"type\":\"file\",\"content\":[]}]}", .nothing),
  ]

  private static let badFiles = [
    brokenFile("file longer than its blobs", ["size": "\(text.count + 1)", "content": "[\"\(textID)\"]"]),
    brokenFile("file shorter than its blobs", ["size": "\(text.count - 1)", "content": "[\"\(textID)\"]"]),
    brokenFile("file of no blobs", ["size": "5"]),
    brokenFile("file without content", ["size": "5", "content": "null"]),
    brokenFile("file of a missing blob", ["size": "5", "content": "[\"\(absentID)\"]"]),
    brokenFile("file of blob zero", ["size": "5", "content": "[\"\(zeros)\"]"]),
    brokenFile("file as large as 63 bits", ["size": "9223372036854775807", "content": "[\"\(textID)\"]"]),
    brokenFile("file of 63 bits and one", ["size": "9223372036854775808", "content": "[\"\(textID)\"]"]),
    brokenFile("file of 64 bits", ["size": "18446744073709551615", "content": "[\"\(textID)\"]"]),
    brokenFile("node of unknown type", ["size": "6", "content": "[\"\(textID)\"]"], type: "wormhole"),
    brokenFile("node without type", ["size": "6", "content": "[\"\(textID)\"]"], type: ""),
    HandmadeTree("content is no list", nodes: [node("\"a\"", "file", ["content": "\"\(textID)\""])], .nothing),
    HandmadeTree("content is no id", nodes: [node("\"a\"", "file", ["content": "[\"xyz\"]"])], .nothing),
    HandmadeTree("content of numbers", nodes: [node("\"a\"", "file", ["content": "[1,2]"])], .nothing),
    HandmadeTree("subtree is no id", nodes: [node("\"a\"", "dir", ["subtree": "\"..\""])], .nothing),
  ]

  private static let badNumbers = [
    odd("links of 64 bits", ["links": "18446744073709551615", "inode": "77"], isFine: true),
    odd("links of none", ["links": "0"], isFine: true),
    odd(
      "inode and device of 64 bits", ["inode": "18446744073709551615", "device_id": "18446744073709551615"],
      isFine: true),
    odd("mode of 32 bits", ["mode": "4294967295"], isFine: true),
    odd("owner of 32 bits", ["uid": "4294967295", "gid": "4294967295"], isFine: true),
    odd("device of 64 bits", ["device": "18446744073709551615"], isFine: true),
    odd("year 9999", ["mtime": "\"9999-12-31T23:59:59.999999999Z\""], isFine: true),
    odd("year 1", ["mtime": "\"0001-01-01T00:00:00Z\"", "atime": "\"0001-01-01T00:00:00Z\""], isFine: true),
    odd("size is negative", ["size": "-1"]), odd("size of 65 bits", ["size": "18446744073709551616"]),
    odd("size is a fraction", ["size": "6.5"]), odd("size is text", ["size": "\"6\""]),
    odd("mode is negative", ["mode": "-1"]), odd("mode of 33 bits", ["mode": "4294967296"]),
    odd("time is none", ["mtime": "\"yesterday\""]), odd("time is a number", ["mtime": "0"]),
    odd("February 30", ["mtime": "\"2020-02-30T00:00:00Z\""]),
  ]

  private static let badText = [
    HandmadeTree("text is empty", "", .nothing), HandmadeTree("text is null", "null", .nothing),
    HandmadeTree("text is a list", "[]", .nothing), HandmadeTree("text is an empty object", "{}", .nothing),
    HandmadeTree("text is cut", "{\"nodes\":[\(sound())", .nothing),
    HandmadeTree("text goes on", "{\"nodes\":[\(sound())]}}", .nothing),
    HandmadeTree("text is nested deeply", String(repeating: "[", count: 100_000), .nothing),
    HandmadeTree(
      "text in a node is nested deeply", nodes: [sound().dropLast() + ",\"x\":" + nested(100_000) + "}"], .nothing),
    HandmadeTree(
      "text in a node is nested", nodes: [sound().dropLast() + ",\"x\":" + nested(20) + "}"], .files(["sound": text])),
    HandmadeTree(
      "text has unknown members", nodes: [sound().dropLast() + ",\"x\":{\"y\":[1,null]}}"], .files(["sound": text])),
    HandmadeTree("text is the file's", String(decoding: text, as: UTF8.self), .nothing),
  ]

  private static func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
  }
}
