import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// B4, B5: a server that is strict, and keeps a region of its own.
@Suite("S3Backend on OpenStack Swift", .enabled(if: SlowTests.areWanted), .serialized, .timeLimit(.minutes(30)))
struct SwiftServerTests {
  @Test("S3Backend keeps every rule of Backend, learns the region, and reports refusals")
  func everything() async throws {
    let directory = try TemporaryDirectory()
    let server = try await SwiftServer(folder: directory.path.appending("swift"))
    for (path, option) in [("vault/a b+c", "s3.list-objects-v1=false"), ("second", "s3.list-objects-v1=true")] {
      let backend = try S3Bucket.backend(server.location(path), option, environment: SwiftServer.environment)
      let named = HashNamedBackend(S3Bucket.retrying(backend))
      let violations = await BackendConformance(named, replacesFiles: true, tellsMissing: false).violations()
      #expect(violations == [])
      #expect(backend.client.region == SwiftServer.region)
    }
    try await hashes(server)
    try await secret(server)
    try await skew(server)
    try await server.stop()
  }

  /// A file that does not match its name is refused, whatever its size.
  private func hashes(_ server: SwiftServer) async throws {
    let backend = try S3Bucket.backend(server.location("vault/hashes"), environment: SwiftServer.environment)
    try await backend.create()
    for byteCount in [10, 2 << 20] {
      let bytes = [UInt8](repeating: 7, count: byteCount)
      let file = S3Bucket.file(.data, bytes)
      try await backend.save(file, bytes)
      let damaged = bytes.dropLast() + [8]
      let error = await #expect(throws: BackendError.self) { try await backend.save(file, Array(damaged)) }
      // Another time the bytes may arrive whole.
      #expect(error.map { $0.isRetryable && "\($0)".contains("SHA256") } == true, "\(String(describing: error))")
      #expect(try await backend.load(file).array == bytes)
    }
    try await backend.save(.config, [1])
    await #expect(throws: BackendError.alreadyExists(.config)) { try await backend.save(.config, [2]) }
  }

  private func secret(_ server: SwiftServer) async throws {
    let wrong = SwiftServer.environment.merging(["AWS_SECRET_ACCESS_KEY": "falsch"]) { $1 }
    let backend = try S3Bucket.backend(server.location(), environment: wrong)
    let error = await #expect(throws: BackendError.self) { try await backend.list(.key) }
    #expect(
      error.map { "\($0)".contains("secret key") && !"\($0)".contains("falsch") } == true,
      "\(String(describing: error))")
  }

  /// Our clock is a day slow.
  private func skew(_ server: SwiftServer) async throws {
    guard case .s3(let location) = try BackendLocation.parse(server.location()) else { return }
    let environment = S3Environment { SwiftServer.environment[$0] }
    let makeTransport: TransportMaker = { origin, _ in
      CurlTransport(origin: origin, credentials: nil, options: TransportOptions())
    }
    let chain = CredentialChain(environment, makeTransport: makeTransport)
    let backend = S3Backend(
      location, options: try .test(), credentials: CredentialCache(chain, missing: .missing),
      makeTransport: makeTransport,
      now: { Timestamp.now().seconds - 86_400 })
    #expect(try await backend.list(.key).isEmpty)
    let lock = S3Bucket.file(.lock, [1])
    try await backend.save(lock, [1])
    #expect(try await backend.byteCount(of: lock) == 1)
    try await backend.remove(lock)
  }
}
