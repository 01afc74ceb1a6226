import ResticCore

/// The configuration files that the kernel knows, as they are shown: each under a number of its own, which stands for
/// the stored inode. So the stored file is not changed, and no cache of the kernel mixes it up with the shown text.
///
/// The shown text stays the same as long as the kernel knows the file.
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

  /// The stored inode that `shown` stands for; nil if it stands for none.
  static func stored(of shown: InodeNumber) -> InodeNumber? { shown & mark == 0 ? nil : shown & ~mark }

  /// The text shown for a stored inode; nil if the kernel does not know it.
  func text(of stored: InodeNumber) -> [UInt8]? { files[stored]?.text }

  /// Counts a lookup of a stored inode. It is shown as `text`, unless the kernel already knows it. Returns the shown
  /// text.
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
