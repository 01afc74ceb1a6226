import Testing

@testable import ResticCore

/// A handmade tree blob that restic would never write, and a mount's expected view of the directory.
struct HandmadeTree: Sendable {
  /// The expected results for a reader of the directory.
  enum Shown: Hashable, Sendable {
    /// The directory cannot be read: EIO.
    case nothing
    /// These names, each with the bytes of its file, or nil where opening or reading it is EIO.
    case files([Name: [UInt8]?])
  }

  /// The name of the directory for this tree; names the fault.
  let name: Name
  let json: [UInt8]
  let shown: Shown

  init(_ name: Name, _ json: String, _ shown: Shown) {
    self.name = name
    self.json = Array(json.utf8)
    self.shown = shown
  }

  /// A tree of nodes spelled in JSON.
  init(_ name: Name, nodes: [String], _ shown: Shown) {
    self.init(name, "{\"nodes\":[\(nodes.joined(separator: ","))]}\n", shown)
  }

  /// A node in JSON: `name` is JSON as well; `members` replace or follow the members of every node.
  static func node(_ name: String, _ type: String = "file", _ members: [String: String] = [:]) -> String {
    let time = "\"2020-01-02T03:04:05.678Z\""
    var all = [
      "mode": "420", "mtime": time, "atime": time, "ctime": time, "uid": "0", "gid": "0", "size": "0", "links": "1",
      "content": type == "file" ? "[]" : "null",
    ]
    all.merge(members) { $1 }
    let rest = all.sorted { $0.key < $1.key }.filter { !$0.value.isEmpty }.map { "\"\($0.key)\":\($0.value)" }
    return "{\"name\":\(name),\"type\":\"\(type)\",\(rest.joined(separator: ","))}"
  }
}

extension HandmadeTree: CustomTestStringConvertible {
  var testDescription: String { name.description }
}
