internal import CFuse3

/// The libfuse that this module is linked with.
public enum FuseLibrary {
  /// Its version, as it was found at run time: `3.14.0`.
  public static var version: String { String(cString: fuse_pkgversion()) }
}
