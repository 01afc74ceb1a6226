import FoundationEssentials

extension MountStatus {
  /// The largest value that the kernel lets an extended attribute have. Source: `XATTR_SIZE_MAX` of linux/limits.h.
  static let attributeByteLimit = 65536

  /// The status as the value of an extended attribute: a JSON object; equal statuses give equal text.
  ///
  /// If all of it would be larger than an attribute can be, lists are left out, and long texts are shortened.
  var attribute: [UInt8]? {
    let all = encoded
    guard all.count > Self.attributeByteLimit else { return all }
    return [4096, 256].lazy.map { shortened(to: $0).encoded }.first { $0.count <= Self.attributeByteLimit }
  }

  private var encoded: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(self))
    } catch {
      preconditionFailure("plain values can be encoded: \(error)")
    }
  }

  /// The status without lists, and with texts of `byteCount` bytes, except paths of this machine.
  private func shortened(to byteCount: Int) -> MountStatus {
    var status = self
    // Without references, a reader assumes that all have changed; for repositories, the first one suffices.
    status.lastError?.references = nil
    status.repositories = repositories.map { $0.prefix(1).map { $0.cut(to: byteCount) } }
    status.lastCommit?.message = lastCommit?.message?.cut(to: byteCount)
    if let lastError { status.lastError?.message = lastError.message.cut(to: byteCount) }
    if let refreshError { status.refreshError?.message = refreshError.message.cut(to: byteCount) }
    if let waiting { status.waiting?.reason = waiting.reason.cut(to: byteCount) }
    status.refused = refused?.cut(to: byteCount)
    status.lastMaintenance = lastMaintenance?.cut(to: byteCount)
    return status
  }
}

extension String {
  /// The beginning of a text that is longer than `byteCount` bytes of UTF-8, and how much is left out.
  fileprivate func cut(to byteCount: Int) -> String {
    let rest = utf8.count - byteCount
    guard rest > 0 else { return self }
    return String(decoding: utf8.prefix(byteCount), as: UTF8.self) + "… (and \(rest) bytes more)"
  }
}
