import ResticCore

/// The full name of a ref, `refs/heads/main` or `HEAD`: bytes, ordered as git orders them.
struct RefName: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// The name's bytes; components are separated by `/`.
  let bytes: [UInt8]

  static let head: RefName = "HEAD"

  init(_ bytes: some Sequence<UInt8>) {
    self.bytes = Array(bytes)
  }

  /// The ref whose loose file has this path below a repository's root.
  init(path: [Name]) {
    bytes = Array(path.map(\.bytes).joined(separator: [UInt8(ascii: "/")]))
  }

  init(stringLiteral value: String) {
    bytes = Array(value.utf8)
  }

  /// The path of the ref's loose file below a repository's root.
  var path: [Name] {
    bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { Name(Array($0)) }
  }

  /// Whether the name can be that of a file beneath `refs`.
  var isLooseFile: Bool {
    let path = path
    return path.count > 1 && path[0] == "refs" && path.allSatisfy(\.isValidEntryName)
  }

  /// The names of its folders, shortest first: `refs/heads` and `refs` for `refs/heads/main`.
  var parents: [RefName] {
    bytes.indices.filter { bytes[$0] == UInt8(ascii: "/") }.map { RefName(bytes[..<$0]) }
  }

  /// Whether `other` is in the folder of this name.
  func isFolder(of other: RefName) -> Bool {
    other.bytes.count > bytes.count && other.bytes[bytes.count] == UInt8(ascii: "/") && other.bytes.starts(with: bytes)
  }

  var description: String { Name(bytes).description }

  static func < (left: RefName, right: RefName) -> Bool {
    Name(left.bytes) < Name(right.bytes)
  }
}
