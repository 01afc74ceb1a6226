import ArgumentParser

/// A word that a shell is to offer, as the script of that shell reads it.
enum OfferedWord {
  /// Characters that no shell changes.
  private static let plain: Set<UInt8> = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./,+@%=~".utf8)

  /// `word` for `shell`, the one that asks; nil where the shell cannot read the word: a line is a word for all of them.
  ///
  /// bash expands the words of a list once more, as if they stood in a script: a folder called `$(command)` would run the
  /// command. zsh takes what follows a colon for a description.
  static func text(_ word: String, for shell: CompletionShell? = .requesting) -> String? {
    guard !word.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f }) else { return nil }
    switch shell {
    case .bash?: return escaped(word) { !plain.contains($0) && $0 < 0x80 }
    case .zsh?: return escaped(word) { $0 == UInt8(ascii: "\\") || $0 == UInt8(ascii: ":") }
    default: return word
    }
  }

  private static func escaped(_ word: String, where isSpecial: (UInt8) -> Bool) -> String {
    var bytes: [UInt8] = []
    for byte in word.utf8 {
      if isSpecial(byte) { bytes.append(UInt8(ascii: "\\")) }
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
