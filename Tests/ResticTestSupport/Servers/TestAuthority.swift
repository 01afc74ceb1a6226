public import SystemPackage

/// A certificate authority of a test's own, and certificates for 127.0.0.1 that it has signed; made by openssl(1).
public struct TestAuthority: Sendable {
  private let folder: FilePath
  private let runner: ProcessRunner

  /// A new authority, kept in `folder`.
  public init(in folder: FilePath) async throws {
    self.folder = folder
    runner = ProcessRunner(directory: folder)
    try await runner.check(
      "openssl",
      ["req", "-x509", "-days", "2"] + Self.newKey("ca.key") + ["-out", "ca.pem", "-subj", "/CN=test authority"])
  }

  /// The authority's certificate.
  public var certificate: FilePath { folder.appending("ca.pem") }

  /// Makes `name.pem` and `name.key`, the latter also at the end of `name-both.pem`.
  public func sign(_ name: String) async throws -> (certificate: FilePath, key: FilePath, both: FilePath) {
    let paths = (folder.appending("\(name).pem"), folder.appending("\(name).key"), folder.appending("\(name)-both.pem"))
    try await runner.check(
      "openssl", ["req"] + Self.newKey("\(name).key") + ["-out", "\(name).csr", "-subj", "/CN=\(name)"])
    try await runner.check(
      "sh",
      [
        "-c",
        """
        echo subjectAltName=IP:127.0.0.1 > \(name).ext
        openssl x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile \(name).ext -out \(name).pem
        cat \(name).pem \(name).key > \(name)-both.pem
        """,
      ])
    return paths
  }

  private static func newKey(_ path: String) -> [String] {
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]
  }
}
