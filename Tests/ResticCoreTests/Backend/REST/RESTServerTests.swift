import Foundation
import Logging
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticCore

/// Every rule of `Backend`, and N2, N3, N5 and N7, on real servers.
@Suite("RESTBackend on rclone serve restic", .timeLimit(.minutes(30)))
struct RESTServerTests {
  private let directory: TemporaryDirectory
  private var folder: FilePath { directory.path.appending("served") }
  private static let user = ["--user", "bob", "--pass", "geheim"]

  init() throws {
    directory = try TemporaryDirectory()
  }

  private func backend(_ url: String, _ change: (inout TransportOptions) -> Void = { _ in }) throws -> RESTBackend {
    var options = TransportOptions()
    options.connectTimeout = .seconds(300)
    change(&options)
    return RESTBackend(try RESTLocation(url), options: options)
  }

  /// `backend` as the program uses it. rclone answers some of several uploads of one file with 500, which is tried again.
  private func stack(_ backend: RESTBackend) -> RetryingBackend {
    RetryingBackend(
      LimitedBackend(backend), clock: TestClock(advancesOnSleep: true),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static func file(_ type: BackendFileType, _ bytes: [UInt8]) throws -> BackendFile {
    let id: ID<Never> = SHA256.id(of: bytes)
    return try #require(BackendFile(type: type, name: id.hex))
  }

  @Test("RESTBackend keeps every rule of Backend, with old and new servers", arguments: RcloneServer.Release.allCases)
  func conformance(release: RcloneServer.Release) async throws {
    let server = try await RcloneServer(release, folder: folder)
    let backend = try backend("\(server.url)some/vault/")
    let root = folder.appending("some").appending("vault")
    let plant: BackendConformance.Planter = { type, name in
      let place = type == .config ? root : root.appending(type.rawValue)
      try Data("planted".utf8).write(to: URL(fileURLWithPath: place.appending(name).string))
    }
    let violations = await BackendConformance(stack(backend), plant: plant, replacesFiles: true).violations()
    #expect(violations == [])
    try await server.stop()
  }

  @Test("RESTBackend keeps every rule of Backend through a Unix socket")
  func socket() async throws {
    let socket = directory.path.appending("s")
    let server = try await RcloneServer(folder: folder, socket: socket)
    let backend = stack(try backend("\(server.url)vault"))
    let violations = await BackendConformance(backend, replacesFiles: true).violations()
    #expect(violations == [])
    try await server.stop()
  }

  @Test("RESTBackend keeps every rule of Backend over TLS, and trusts only certificates of the authority")
  func tls() async throws {
    let authority = try await TestAuthority(in: directory.path)
    let (server, client) = (try await authority.sign("server"), try await authority.sign("client"))
    let rclone = try await RcloneServer(
      folder: folder,
      options: [
        "--cert", server.certificate.string, "--key", server.key.string, "--client-ca", authority.certificate.string,
      ])
    let certificates = try [UInt8](Data(contentsOf: URL(fileURLWithPath: authority.certificate.string)))
    let ours = try [UInt8](Data(contentsOf: URL(fileURLWithPath: client.both.string)))
    let trusting = try backend(rclone.url) {
      $0.authorities = certificates
      $0.clientCertificate = ours
    }
    let violations = await BackendConformance(stack(trusting), replacesFiles: true).violations()
    #expect(violations == [])

    let untrusting: [(String, RESTBackend)] = [
      ("the server", try backend(rclone.url) { $0.clientCertificate = ours }),
      ("us", try backend(rclone.url) { $0.authorities = certificates }),
    ]
    for (who, backend) in untrusting {
      let error = await #expect(throws: BackendError.self, "who does not trust \(who)") { try await backend.list(.key) }
      guard case .denied(let message) = error else {
        Issue.record("\(who): \(String(describing: error))")
        continue
      }
      #expect(message.contains("--cacert") && message.contains("--tls-client-cert"))
    }
    let careless = try backend(rclone.url) {
      $0.trustsAnyServer = true
      $0.clientCertificate = ours
    }
    #expect(try await careless.list(.key).isEmpty)
    try await rclone.stop()
  }

  @Test("RESTBackend authenticates to a server; the error for a wrong or missing user names the user, and no password")
  func authentication() async throws {
    let server = try await RcloneServer(folder: folder, options: Self.user)
    let port = try #require(URL(string: server.url)?.port)
    func url(_ user: String) -> String { "http://\(user)127.0.0.1:\(port)/vault" }
    try await backend(url("bob:geheim@")).create()
    let named = RESTBackend(
      try RESTLocation(url("")).withDefault(HTTPCredentials(user: "bob", password: "geheim")),
      options: TransportOptions())
    #expect(try await named.list(.key).isEmpty)
    for (user, said) in [("", "asks for a user"), ("bob:falsch@", "the user \"bob\""), ("bob@", "the user \"bob\"")] {
      let error = await #expect(throws: BackendError.self) { try await backend(url(user)).list(.key) }
      guard case .denied(let message) = error else {
        Issue.record("\(user): \(String(describing: error))")
        continue
      }
      #expect(message.contains(said) && message.contains("401") && message.contains("RESTIC_REST_USERNAME"))
      #expect(!message.contains("falsch"))
    }
    try await server.stop()
  }

  @Test("an append-only server accepts new files and removes locks only; a file that is saved again is compared")
  func appendOnly() async throws {
    let server = try await RcloneServer(folder: folder, options: ["--append-only"])
    let backend = try backend("\(server.url)vault/")
    try await backend.create()
    for type in BackendFileType.allCases {
      let bytes = Array(type.rawValue.utf8)
      let file = type == .config ? .config : try Self.file(type, bytes)
      try await backend.save(file, bytes)
      try await backend.save(file, bytes)
      #expect(try await backend.load(file).array == bytes)
      await #expect(throws: BackendError.alreadyExists(file)) { try await backend.save(file, [1]) }
      if type == .lock {
        try await backend.remove(file)
        continue
      }
      let error = await #expect(throws: BackendError.self) { try await backend.remove(file) }
      guard case .denied(let message) = error else {
        Issue.record("\(type): \(String(describing: error))")
        continue
      }
      #expect(message.contains("append-only") && message.contains("403"))
    }
    #expect(try await backend.list(.lock).isEmpty)
    try await server.stop()
  }

  @Test("a lock that another client has removed is gone, whatever the server has cached")
  func removedLock() async throws {
    let server = try await RcloneServer(folder: folder)
    let backend = try backend("\(server.url)vault/")
    try await backend.create()
    let lock = try Self.file(.lock, [1])
    try await backend.save(lock, [1])
    #expect(try await backend.byteCount(of: lock) == 1)
    try FileManager.default.removeItem(atPath: folder.appending("vault/locks/\(lock.name)").string)
    await #expect(throws: BackendError.notFound(lock)) { try await backend.byteCount(of: lock) }
    try await server.stop()
  }

  @Test("a restart of the server costs a retry, and nothing else")
  func restart() async throws {
    let socket = directory.path.appending("s")
    var server = try await RcloneServer(folder: folder, socket: socket)
    let backend = RetryingBackend(
      try backend("\(server.url)vault"),
      policy: RetryPolicy(firstDelay: .milliseconds(50), longestDelay: .milliseconds(50)),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let file = try Self.file(.data, [1, 2, 3])
    try await backend.create()
    try await backend.save(file, [1, 2, 3])
    try await server.stop()
    try FileManager.default.removeItem(atPath: socket.string)
    async let loaded = backend.load(file)
    async let saved: Void = backend.save(Self.file(.data, [4]), [4])
    server = try await RcloneServer(folder: folder, socket: socket)
    #expect(try await loaded.array == [1, 2, 3])
    try await saved
    try await server.stop()
  }
}
