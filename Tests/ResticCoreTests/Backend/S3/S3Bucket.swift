import Logging
import ResticTestSupport

@testable import ResticCore

/// Backends for a bucket on a test's server.
enum S3Bucket {
  /// A repository in a bucket at `location`, with the keys of `RcloneS3Server` if not said otherwise.
  static func backend(
    _ location: String, _ options: String..., environment: [String: String] = RcloneS3Server.environment
  ) throws -> S3Backend {
    guard case .s3(let location) = try BackendLocation.parse(location) else { throw BackendLocationError.empty }
    var values = try OptionValues(options, of: "s3")
    var transport = TransportOptions()
    // A busy machine may take its time, and is no failure.
    transport.connectTimeout = .seconds(300)
    return S3Backend(
      location, options: try S3Options(&values), environment: S3Environment { environment[$0] }, transport: transport)
  }

  /// `backend` as the program uses it.
  static func retrying(
    _ backend: any Backend, _ clock: TestClock = TestClock(advancesOnSleep: true), _ policy: RetryPolicy = RetryPolicy()
  ) -> RetryingBackend {
    RetryingBackend(
      LimitedBackend(backend), policy: policy, clock: clock,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  /// The file of `type` whose name is the hash of `bytes`.
  static func file(_ type: BackendFileType, _ bytes: [UInt8]) -> BackendFile {
    if type == .config { return .config }
    let id: ID<Never> = SHA256.id(of: bytes)
    guard let file = BackendFile(type: type, name: id.hex) else { preconditionFailure("a hash is a name") }
    return file
  }
}
