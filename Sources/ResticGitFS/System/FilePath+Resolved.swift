import Glibc
import SystemPackage

extension FilePath {
  /// This path made absolute, with all symbolic links followed: realpath(3). Nil, with `errno` set, if that fails.
  func resolved() -> FilePath? {
    guard let text = withPlatformString({ realpath($0, nil) }) else { return nil }
    defer { free(text) }
    return FilePath(platformString: text)
  }

  /// This path made absolute by the working directory, without following links.
  func absolute() -> FilePath {
    guard isRelative, let current = FilePath(".").resolved() else { return lexicallyNormalized() }
    return current.pushing(self).lexicallyNormalized()
  }
}
