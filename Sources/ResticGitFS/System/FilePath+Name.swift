import ResticCore
import SystemPackage

extension FilePath {
  /// The path of the entry `name` in this folder, whatever bytes the name has.
  func appending(_ name: Name) -> FilePath {
    precondition(name.isValidEntryName, "a name in a tree is one component of a path")
    return pushing(FilePath(platformString: name.bytes.map { CChar(bitPattern: $0) } + [0]))
  }

  /// The path that leads through the folders `names`.
  func appending(_ names: [Name]) -> FilePath {
    names.reduce(self) { $0.appending($1) }
  }
}
