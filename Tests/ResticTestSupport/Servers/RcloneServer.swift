import Foundation
public import SystemPackage

/// `rclone serve restic`, the real thing, on a folder.
public final class RcloneServer: Sendable {
  /// Which rclone.
  public enum Release: String, CaseIterable, Sendable {
    /// The distribution's: 1.60 in Debian 12.
    case distribution
    /// The current release, which `scripts/bootstrap --test` gets from PyPI.
    case current

    /// The program's path.
    public var program: String {
      get throws {
        switch self {
        case .distribution: "rclone"
        case .current: try TestTools.folder().appending("bin/rclone").string
        }
      }
    }
  }

  /// The folder that it serves.
  public let folder: FilePath
  /// Where it is: `http://127.0.0.1:4711/`.
  public let url: String
  private let program: BackgroundProgram

  /// Starts a server for `folder`, which need not exist, and returns when it answers. `options`: as `rclone serve restic` has
  /// them; `socket`: where it listens instead of a port that the kernel chooses.
  public init(
    _ release: Release = .current, folder: FilePath, options: [String] = [], socket: FilePath? = nil
  ) async throws {
    self.folder = folder
    let address = socket.map { "unix://\($0)" } ?? "127.0.0.1:0"
    program = try BackgroundProgram(
      release.program, ["serve", "restic", "--addr", address] + options + [folder.string],
      // Nothing of the user's own counts.
      environment: ["RCLONE_CONFIG": "/dev/null", "HOME": folder.removingLastComponent().string],
      log: folder.removingLastComponent().appending("\(folder.lastComponent?.string ?? "").log"))
    let program = program
    if let socket {
      try await waitUntil { FileManager.default.fileExists(atPath: socket.string) }
      url = "http+unix://\(socket):/"
    } else {
      var found: String?
      try await waitUntil {
        found = Self.address(in: program.output)
        return found != nil
      }
      url = found ?? ""
    }
  }

  /// Ends it at once.
  public func stop() async throws { try await program.stop() }

  /// The server's log.
  public var log: String { program.output }

  /// `http://127.0.0.1:4711/`, which it logs once it listens.
  private static func address(in log: String) -> String? {
    guard let line = log.split(separator: "\n").first(where: { $0.contains("Serving restic REST API on") }),
      let start = line.range(of: "http")?.lowerBound
    else { return nil }
    let address = line[start...].prefix { $0 != "]" }
    return address.hasSuffix("/") ? String(address) : nil
  }
}
