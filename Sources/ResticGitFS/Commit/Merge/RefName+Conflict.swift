import ResticCore

extension RefName {
  /// The ref `name` in the folder that this name is.
  func appending(_ name: RefName) -> RefName {
    RefName(bytes + [UInt8(ascii: "/")] + name.bytes)
  }

  /// The name of this ref in a folder of `refs/conflicts`: without `refs/`, and with `-` for characters that git does
  /// not allow in a name.
  ///
  /// Source: git-check-ref-format(1).
  var sanitizedForConflict: RefName {
    let components = bytes.split(separator: UInt8(ascii: "/"))
    let named =
      components.count > 1 && components[0].elementsEqual("refs".utf8) ? components.dropFirst() : components[...]
    let sanitized = named.map { Self.sanitized(Array($0)) }
    return sanitized.isEmpty ? "unnamed" : RefName(sanitized.joined(separator: [UInt8(ascii: "/")]))
  }

  private static func sanitized(_ component: [UInt8]) -> [UInt8] {
    let dash = UInt8(ascii: "-")
    let refused = Set(" ~^:?*[\\".utf8)
    var result: [UInt8] = []
    for byte in component {
      let follows = result.last
      let isRefused =
        byte < 0x20 || byte == 0x7f || refused.contains(byte)
        || byte == UInt8(ascii: ".") && (follows == nil || follows == UInt8(ascii: "."))
        || byte == UInt8(ascii: "{") && follows == UInt8(ascii: "@")
      result.append(isRefused ? dash : byte)
    }
    if result.last == UInt8(ascii: ".") || result.suffix(5).elementsEqual(".lock".utf8) { result.append(dash) }
    return result
  }
}
