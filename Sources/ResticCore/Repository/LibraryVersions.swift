internal import CExpat
internal import CNghttp2
internal import COpenSSL
internal import CSodium
internal import CZstd

/// The C libraries that this module is linked to, and their versions at run time.
public enum LibraryVersions {
  /// Name and version of each library. libcurl is left out, because it is loaded only when it is needed.
  public static func list() -> [String] {
    let expat = XML_ExpatVersionInfo()
    return [
      "OpenSSL " + String(cString: OpenSSL_version(OPENSSL_VERSION_STRING)),
      "libsodium " + String(cString: sodium_version_string()),
      "libzstd " + String(cString: ZSTD_versionString()),
      "libexpat \(expat.major).\(expat.minor).\(expat.micro)",
      "libnghttp2 " + String(cString: nghttp2_version(0).pointee.version_str),
    ]
  }
}
