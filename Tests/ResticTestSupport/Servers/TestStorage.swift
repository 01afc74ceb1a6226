import Foundation
public import SystemPackage

/// A kind of storage on which a test's repository is.
///
/// Every kind stores files in a folder of this machine in restic's layout, so that a test can also look at them
/// from behind.
public enum TestStorage: String, CaseIterable, Sendable {
  /// The folder itself.
  case local
  /// `rclone serve restic`.
  case rest
  /// The same as a program of the client's: the distribution's, by its name.
  case rclone
  /// `rclone serve s3`.
  case s3

  /// OpenSSH's sshd.
  case sftp

  /// The one that `TEST_STORAGE` names, which `scripts/test --storage` sets; else the folder.
  public static var chosen: TestStorage {
    get throws {
      guard let name = ProcessInfo.processInfo.environment["TEST_STORAGE"], !name.isEmpty else { return .local }
      guard let storage = TestStorage(rawValue: name) else { throw Unknown(name: name) }
      return storage
    }
  }

  /// There is no such storage.
  public struct Unknown: Error, CustomStringConvertible {
    let name: String
    /// The value of TEST_STORAGE, and the values that it may have.
    public var description: String {
      "TEST_STORAGE is \(name); there are \(TestStorage.allCases.map(\.rawValue).joined(separator: ", "))"
    }
  }

  /// A server of this kind for `folder`, a repository or to become one.
  public func serve(_ folder: FilePath) async throws -> StorageServer {
    switch self {
    case .local:
      return StorageServer(location: folder.string) {}
    case .rclone:
      return StorageServer(location: "rclone:\(folder)", environment: ["RCLONE_CONFIG": "/dev/null"]) {}
    case .rest:
      let server = try await RcloneServer(folder: folder)
      return StorageServer(location: "rest:\(server.url)") { try await server.stop() }
    case .s3:
      // A bucket is a folder in the one that is served.
      let served = folder.removingLastComponent().appending("served")
      try FileManager.default.createDirectory(atPath: served.string, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: served.appending("vault").string, withDestinationPath: folder.string)
      let server = try await RcloneS3Server(folder: served, options: ["--copy-links"])
      return StorageServer(location: server.location(), environment: RcloneS3Server.environment) {
        try await server.stop()
      }

    case .sftp:
      let server = try await SSHServer(in: folder.removingLastComponent().appending("ssh"))
      let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
      let variables = ["PATH": "\(try server.makeCommand()):\(path)"]
      return StorageServer(location: server.location(folder), environment: variables) { try await server.stop() }
    }
  }
}

/// A server that runs for a test.
public struct StorageServer: Sendable {
  /// The repository's location, as restic takes it after `-r`.
  public let location: String
  /// The variables that both programs and restic need to reach the storage.
  public let environment: [String: String]
  /// Ends the server.
  public let stop: @Sendable () async throws -> Void

  init(location: String, environment: [String: String] = [:], stop: @escaping @Sendable () async throws -> Void) {
    self.location = location
    self.environment = environment
    self.stop = stop
  }
}
