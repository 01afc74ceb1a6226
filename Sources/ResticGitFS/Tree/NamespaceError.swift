import SystemPackage

/// Why a `Namespace` method did nothing.
enum NamespaceError: Error, Hashable, Sendable {
  /// What the kernel is to be told.
  case refused(Errno)
  /// Something has to be loaded first; then the same call goes on.
  case needs(Need)

  /// What may have to be loaded.
  enum Need: Hashable, Sendable {
    /// A directory's entries.
    case entries(of: InodeNumber)
    /// The extents of a stored file.
    case extents(of: InodeNumber)
    /// All directories that can be read, since names of this hard-linked inode may be anywhere.
    case names(of: InodeNumber)
  }
}
