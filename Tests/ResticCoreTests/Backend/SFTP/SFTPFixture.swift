import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// Repositories on SSH servers, as the program makes them of a location and options.
enum SFTPFixture {
  /// A logger that drops all messages.
  static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  /// For many calls at a time on one clock, whose delays add up.
  static let patient = RetryPolicy(timeLimit: .seconds(100_000_000))

  /// A backend for the repository in the folder `path` that `options` (each `sftp.x=y`) lead to.
  static func backend(
    _ path: FilePath, _ options: [String] = ["sftp.command=\(SSHServer.sftpServer)"], logger: Logger = silent,
    _ change: (inout TransportOptions) -> Void = { _ in }
  ) throws -> SFTPBackend {
    try backend("127.0.0.1:\(path)", options, logger: logger, change)
  }

  /// A backend for the repository at `location`, without `sftp:`.
  static func backend(
    _ location: String, _ options: [String], logger: Logger = silent,
    _ change: (inout TransportOptions) -> Void = { _ in }
  ) throws -> SFTPBackend {
    var values = try OptionValues(options, of: "sftp")
    let own = try SFTPOptions(&values)
    try values.finish()
    var transport = TransportOptions()
    // A busy machine may be slow, which is not a failure.
    transport.connectTimeout = .seconds(300)
    change(&transport)
    return SFTPBackend(try SFTPLocation(location), own, transport: transport, logger: logger)
  }

  /// `backend` as the program uses it, with delays that pass at once.
  static func stack(
    _ backend: SFTPBackend, clock: TestClock = TestClock(advancesOnSleep: true), policy: RetryPolicy = RetryPolicy()
  ) -> RetryingBackend {
    RetryingBackend(LimitedBackend(backend), policy: policy, clock: clock, logger: silent)
  }

  /// Saves and loads all of `contents` as packs of `backend` at a time.
  static func expectKept(_ contents: [[UInt8]], by backend: any Backend) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for bytes in contents {
        group.addTask {
          let pack = file(.data, bytes)
          try await backend.save(pack, bytes)
          #expect(try await backend.load(pack).array.fingerprint == bytes.fingerprint)
        }
      }
      try await group.waitForAll()
    }
  }

  /// A file that is named after the hash of its content.
  static func file(_ type: BackendFileType, _ bytes: [UInt8]) -> BackendFile {
    let id: ID<Never> = SHA256.id(of: bytes)
    return BackendFile(type: type, name: id.hex) ?? .config
  }
}

/// A signal from one task to another.
final class Flag: Sendable {
  private let state = Locked(false)

  /// Whether it was set.
  var isSet: Bool { state.withLock { $0 } }

  /// Sets it, for good.
  func set() { state.withLock { $0 = true } }
}
