import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// Every rule of `Backend` on a real server.
@Suite("S3Backend on rclone serve s3", .timeLimit(.minutes(30)))
struct S3ServerTests {
  private let directory: TemporaryDirectory
  private var folder: FilePath { directory.path.appending("served") }

  init() throws {
    directory = try TemporaryDirectory()
  }

  @Test(
    "S3Backend keeps every rule of Backend, with both versions of lists and with odd prefixes",
    arguments: [
      ("vault/some/place", "false"), ("vault", "true"), ("vault/a b+c&é/%25", "false"), ("vault/a b+c", "true"),
    ])
  func conformance(path: String, usesFirstListing: String) async throws {
    let server = try await RcloneS3Server(folder: folder)
    let backend = try S3Bucket.backend(server.location(path), "s3.list-objects-v1=\(usesFirstListing)")
    let base = folder.appending("vault").pushing(FilePath(backend.location.keyBase))
    let plant: BackendConformance.Planter = { type, name in
      let place = type == .config ? base : base.appending(type.rawValue)
      try FileManager.default.createDirectory(atPath: place.string, withIntermediateDirectories: true)
      try Data("planted".utf8).write(to: URL(fileURLWithPath: place.appending(name).string))
    }
    let named = HashNamedBackend(S3Bucket.retrying(backend))
    let violations = await BackendConformance(named, plant: plant, replacesFiles: true, tellsMissing: false)
      .violations()
    #expect(violations == [])
    try await server.stop()
  }

  @Test("lists of many pages are complete, in both versions", arguments: ["false", "true"])
  func pages(usesFirstListing: String) async throws {
    let server = try await RcloneS3Server(folder: folder)
    let backend = try S3Bucket.backend(server.location("vault/p"), "s3.list-objects-v1=\(usesFirstListing)")
    try await backend.create()
    let names = (0..<2500).map { SHA256.id(of: Array("\($0)".utf8), as: PackID.self).hex }
    let data = folder.appending("vault/p/data")
    for name in names {
      let place = data.appending(String(name.prefix(2)))
      try FileManager.default.createDirectory(atPath: place.string, withIntermediateDirectories: true)
      try Data("x".utf8).write(to: URL(fileURLWithPath: place.appending(name).string))
    }
    let entries = try await backend.list(.data)
    #expect(entries.count == names.count && Set(entries.map(\.file.name)) == Set(names))
    #expect(entries.allSatisfy { $0.byteCount == 1 })
    try await server.stop()
  }

  @Test("a wrong key, a wrong secret and a missing bucket are errors that name the remedy")
  func refusals() async throws {
    let server = try await RcloneS3Server(folder: folder)
    let good = try S3Bucket.backend(server.location())
    let missing = await #expect(throws: BackendError.self) { try await good.list(.key) }
    guard case .missing(let message) = missing else {
      Issue.record("\(String(describing: missing))")
      return
    }
    #expect(message.contains("\"vault\"") && message.contains("127.0.0.1:\(server.port)"))
    try await good.create()
    #expect(try await good.list(.key).isEmpty)
    for (variables, said) in [
      (
        ["AWS_ACCESS_KEY_ID": "AKIAUNKNOWN0007731X", "AWS_SECRET_ACCESS_KEY": RcloneS3Server.secret],
        "AKIA…731X (AWS_ACCESS_KEY_ID)"
      ),
      (
        ["AWS_ACCESS_KEY_ID": RcloneS3Server.accessKeyID, "AWS_SECRET_ACCESS_KEY": "falsch"],
        "AKIA…7731 (AWS_ACCESS_KEY_ID)"
      ),
      (["AWS_EC2_METADATA_DISABLED": "true"], "no credentials for S3"),
    ] {
      let backend = try S3Bucket.backend(server.location(), environment: variables)
      let calls: [@Sendable () async throws -> Void] = [
        { _ = try await backend.list(.key) }, { _ = try await backend.byteCount(of: .config) },
        { try await backend.save(.config, [1]) }, { try await backend.create() },
      ]
      for call in calls {
        let error = await #expect(throws: BackendError.self) { try await call() }
        #expect(
          error.map { "\($0)".contains(said) && !"\($0)".contains("falsch") && !$0.isRetryable } == true,
          "\(String(describing: error))")
      }
    }
    try await server.stop()
  }

  @Test("a bucket may be in the host name")
  func hostName() async throws {
    try FileManager.default.createDirectory(
      atPath: folder.appending("vault").string, withIntermediateDirectories: true)
    let server = try await RcloneS3Server(folder: folder, options: ["--force-path-style=false"])
    // Every name that ends with localhost is this machine.
    let backend = try S3Bucket.backend("s3:http://localhost:\(server.port)/vault/p", "s3.bucket-lookup=dns")
    try await backend.create()
    let file = S3Bucket.file(.lock, [1, 2, 3])
    try await backend.save(file, [1, 2, 3])
    #expect(try await backend.load(file, range: 1..<3).array == [2, 3])
    #expect(try await backend.list(.lock) == [BackendEntry(file: file, byteCount: 3)])
    #expect(FileManager.default.fileExists(atPath: folder.appending("vault/p/locks/\(file.name)").string))
    try await backend.remove(file)
    #expect(try await backend.list(.lock).isEmpty)
    try await server.stop()
  }

  @Test("config is not replaced")
  func config() async throws {
    let server = try await RcloneS3Server(folder: folder)
    let backend = try S3Bucket.backend(server.location("vault/x"))
    try await backend.create()
    try await backend.save(.config, [1])
    try await backend.save(.config, [1])
    await #expect(throws: BackendError.alreadyExists(.config)) { try await backend.save(.config, [2]) }
    #expect(try await backend.load(.config).array == [1])
    try await server.stop()
  }
}
