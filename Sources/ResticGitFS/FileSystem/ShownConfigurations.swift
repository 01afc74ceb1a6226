import ResticCore

/// The configuration files that the kernel knows, as they are shown: each under a number of its own, which stands for the
/// stored inode. So the stored one is neither changed nor ever mixed up with what is shown, in no cache of the kernel's.
///
/// A file is shown the same as long as the kernel knows it.
struct ShownConfigurations: Sendable {
  private struct Shown {
    var lookupCount: UInt64
    let text: [UInt8]
  }

  /// No stored inode's number has this bit.
  private static let mark: InodeNumber = 1 << 63
  private var files: [InodeNumber: Shown] = [:]

  /// The number under which `stored` is shown.
  static func number(of stored: InodeNumber) -> InodeNumber { stored | mark }

  /// The stored inode that `shown` stands for; nil where it stands for none.
  static func stored(of shown: InodeNumber) -> InodeNumber? { shown & mark == 0 ? nil : shown & ~mark }

  /// What is shown of a stored inode; nil where the kernel does not know it.
  func text(of stored: InodeNumber) -> [UInt8]? { files[stored]?.text }

  /// Counts a lookup of a stored inode that is shown as `text` unless the kernel knows it already. Returns what is shown.
  mutating func countLookup(of stored: InodeNumber, text: [UInt8]) -> [UInt8] {
    var shown = files[stored] ?? Shown(lookupCount: 0, text: text)
    shown.lookupCount += 1
    files[stored] = shown
    return shown.text
  }

  /// Takes lookups back.
  mutating func forget(_ stored: InodeNumber, count: UInt64) {
    guard var shown = files[stored] else { return }
    shown.lookupCount -= min(count, shown.lookupCount)
    files[stored] = shown.lookupCount == 0 ? nil : shown
  }
}
