import Foundation
public import SystemPackage

/// `rclone serve s3`, the real thing, on a folder: each folder in it is a bucket.
public final class RcloneS3Server: Sendable {
  /// The key for signing requests.
  public static let accessKeyID = "AKIATESTTESTTEST7731"
  /// The secret access key; it holds characters that must be escaped in URLs.
  public static let secret = "geheim+7731/secret"

  /// The folder that it serves.
  public let folder: FilePath
  /// Its port of 127.0.0.1.
  public let port: UInt16
  private let program: BackgroundProgram

  /// Starts a server for `folder`, which need not exist, and returns when it answers. `options`: as `rclone serve s3` has them.
  public init(folder: FilePath, options: [String] = []) async throws {
    self.folder = folder
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
    program = try BackgroundProgram(
      RcloneServer.Release.current.program,
      [
        "serve", "s3", "--addr", "127.0.0.1:0", "--auth-key", "\(Self.accessKeyID),\(Self.secret)",
        // The server sees files at once that a test puts into the folder.
        "--dir-cache-time", "10ms",
      ] + options + [folder.string],
      // Nothing of the user's own counts.
      environment: ["RCLONE_CONFIG": "/dev/null", "HOME": folder.removingLastComponent().string],
      log: folder.removingLastComponent().appending("\(folder.lastComponent?.string ?? "").log"))
    let program = program
    var found: UInt16?
    try await waitUntil {
      found = Self.port(in: program.output)
      return found != nil
    }
    port = found ?? 0
  }

  /// Ends it at once.
  public func stop() async throws { try await program.stop() }

  /// The server's log.
  public var log: String { program.output }

  /// `s3:http://127.0.0.1:4711/bucket`, through another port where there is a proxy.
  public func location(_ path: String = "vault", port: UInt16? = nil) -> String {
    "s3:http://127.0.0.1:\(port ?? self.port)/\(path)"
  }

  /// The variables that name its keys.
  public static let environment = ["AWS_ACCESS_KEY_ID": accessKeyID, "AWS_SECRET_ACCESS_KEY": secret]

  /// The server logs `http://127.0.0.1:4711/` once it listens.
  private static func port(in log: String) -> UInt16? {
    guard let line = log.split(separator: "\n").first(where: { $0.contains("Starting s3 server on") }),
      let start = line.range(of: "http://127.0.0.1:")?.upperBound
    else { return nil }
    return UInt16(line[start...].prefix { $0.isNumber })
  }
}
