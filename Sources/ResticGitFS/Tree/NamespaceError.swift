import SystemPackage

/// Why a `Namespace` method did nothing.
enum NamespaceError: Error, Hashable, Sendable {
  /// The error for the kernel.
  case refused(Errno)
  /// Something has to be loaded first; then the call is repeated.
  case needs(Need)

  /// What has to be loaded.
  enum Need: Hashable, Sendable {
    /// A directory's entries.
    case entries(of: InodeNumber)
    /// The extents of a stored file.
    case extents(of: InodeNumber)
    /// All readable directories, because names of this hard-linked inode may be anywhere.
    case names(of: InodeNumber)
  }
}
