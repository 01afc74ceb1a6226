internal import CFuse3

/// The libfuse that this module is linked to.
public enum FuseLibrary {
  /// Its version at run time: `3.14.0`.
  public static var version: String { String(cString: fuse_pkgversion()) }
}
