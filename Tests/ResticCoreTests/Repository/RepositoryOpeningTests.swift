import ResticTestSupport
import Testing

@testable import ResticCore

@Suite("Creating and opening a repository")
struct RepositoryOpeningTests {
  private static let settings = TestRepository.settings()

  private static func open(_ backend: any Backend, _ password: String = "correct horse", hint: String? = nil)
    async throws
    -> Repository
  {
    try await Repository.open(on: backend, password: TestRepository.secret(password), keyHint: hint, settings: settings)
  }

  private static func kind(_ error: (any Error)?) -> String {
    switch error as? RepositoryError {
    case .noRepository: "noRepository"
    case .alreadyInitialized: "alreadyInitialized"
    case .wrongPassword: "wrongPassword"
    case .damaged: "damaged"
    case .unsupportedVersion(let version): "version \(version)"
    case .backend: "backend"
    default: "\(String(describing: error))"
    }
  }

  private static func failure(_ body: () async throws -> Repository) async -> String {
    do {
      _ = try await body()
      return "none"
    } catch {
      return kind(error)
    }
  }

  @Test("a new repository opens with its password and contains what was written", arguments: [1, 2])
  func roundTrip(version: Int) async throws {
    let backend = MemoryBackend()
    let created = try await TestRepository.create(on: backend, version: version)
    let opened = try await Self.open(backend)
    #expect(opened.config == created.config)
    #expect(opened.config.version == version)
    #expect(opened.keyID == created.keyID)
    #expect(ID<Never>(hex: opened.config.id) != nil, "the id is 32 bytes in hex")
    #expect(ChunkerPolynomial(rawValue: opened.config.chunkerPolynomial)?.isIrreducible == true)
    #expect(Set(backend.files.keys.map(\.type)) == [.config, .key])
    let key = try KeyFile.decode(try #require(backend[.key(opened.keyID)]))
    #expect(key.kdf == "scrypt")
    #expect(key.salt.count == 64)
    #expect(key.hostname == "testhost")
    #expect(key.username == "tester")
  }

  @Test("two repositories have different ids, keys and polynomials")
  func random() async throws {
    let first = try await TestRepository.create()
    let second = try await TestRepository.create()
    #expect(first.config.id != second.config.id)
    #expect(first.config.chunkerPolynomial != second.config.chunkerPolynomial)
    #expect(first.keyID != second.keyID)
  }

  @Test("creating refuses a place with a config, a key or a snapshot, and changes nothing there")
  func refusal() async throws {
    let file = BackendFile.config
    let key = BackendFile.key(SHA256.id(of: [1]))
    let snapshot = BackendFile.snapshot(SHA256.id(of: [2]))
    for file in [file, key, snapshot] {
      let backend = MemoryBackend(files: [file: [1]])
      #expect(await Self.failure { try await TestRepository.create(on: backend) } == "alreadyInitialized")
      #expect(backend.files == [file: [1]])
    }
    #expect(await Self.failure { try await TestRepository.create(version: 3) } == "version 3")
    #expect(await Self.failure { try await TestRepository.create(version: 0) } == "version 0")
  }

  @Test("without a config there is no repository, whatever else is there; without a key every password is wrong")
  func missing() async throws {
    #expect(await Self.failure { try await Self.open(MemoryBackend()) } == "noRepository")
    let backend = MemoryBackend()
    let keyID = try await TestRepository.create(on: backend).keyID
    let config = try #require(backend[.config])
    backend[.config] = nil
    #expect(await Self.failure { try await Self.open(backend) } == "noRepository")
    backend[.config] = config
    backend[.key(keyID)] = nil
    #expect(await Self.failure { try await Self.open(backend) } == "wrongPassword")
    backend[.config] = []
    #expect(await Self.failure { try await Self.open(backend) } == "damaged")
  }

  @Test("a wrong password and damage are distinguished")
  func wrongPassword() async throws {
    let backend = MemoryBackend()
    _ = try await TestRepository.create(on: backend)
    #expect(await Self.failure { try await Self.open(backend, "battery staple") } == "wrongPassword")
    #expect(await Self.failure { try await Self.open(backend, "") } == "wrongPassword")
  }

  @Test("a damaged config is an error that names it")
  func damagedConfig() async throws {
    let backend = MemoryBackend()
    _ = try await TestRepository.create(on: backend)
    let sound = try #require(backend[.config])
    for damaged in Damage.all(of: sound) {
      backend[.config] = damaged
      let error = await #expect(throws: RepositoryError.self) { try await Self.open(backend) }
      #expect(Self.kind(error) == "damaged")
      #expect("\(try #require(error))".contains("config"))
    }
  }

  @Test("a damaged key is an error that names it; another sound key still opens the repository")
  func damagedKey() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let file = BackendFile.key(repository.keyID)
    let sound = try #require(backend[file])
    for damaged in Damage.all(of: sound) {
      backend[file] = damaged
      let error = await #expect(throws: RepositoryError.self) { try await Self.open(backend) }
      #expect(Self.kind(error) == "damaged")
      #expect("\(try #require(error))".contains(file.name))
    }
    let other = try KeyFile.make(
      sealing: repository.coder.masterKey, password: TestRepository.password, cost: .minimum,
      identity: Self.settings.identity, created: .now()
    ).encode()
    backend[.key(SHA256.id(of: other))] = other
    #expect(try await Self.open(backend).keyID == SHA256.id(of: other))
  }

  @Test("a key with an absurd cost, or an unknown function, is an error without side effects")
  func absurdKey() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    let sound = try KeyFile.decode(try #require(backend[.key(repository.keyID)]))
    backend[.key(repository.keyID)] = nil
    let changes: [(inout KeyFile) -> Void] = [
      { $0.costN = 1 << 40 }, { $0.costN = 3 }, { $0.costN = 0 }, { $0.costR = 1 << 30 }, { $0.costP = -1 },
      { $0.kdf = "argon2" }, { $0.data = [] }, { $0.data = [UInt8](repeating: 0, count: 31) },
    ]
    for change in changes {
      var key = sound
      change(&key)
      let bytes = key.encode()
      let file = BackendFile.key(SHA256.id(of: bytes))
      backend[file] = bytes
      #expect(await Self.failure { try await Self.open(backend) } == "damaged")
      backend[file] = nil
    }
  }

  @Test("the hinted key is tried first, and at most twenty others")
  func manyKeys() async throws {
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    for number in 0..<25 {
      let bytes = try KeyFile.make(
        sealing: .random(), password: TestRepository.secret("other \(number)"), cost: .minimum,
        identity: Self.settings.identity, created: .now()
      ).encode()
      backend[.key(SHA256.id(of: bytes))] = bytes
    }
    let counted = FaultBackend(backend)
    let hint = String(repository.keyID.hex.prefix(8))
    #expect(try await Self.open(counted, hint: hint).keyID == repository.keyID)
    #expect(counted.calls.count { $0.operation == .load && $0.type == .key } == 1)

    backend[.key(repository.keyID)] = nil
    let without = FaultBackend(backend)
    #expect(await Self.failure { try await Self.open(without) } == "wrongPassword")
    #expect(without.calls.count { $0.operation == .load && $0.type == .key } == 20)
  }

  @Test("a config of an unknown version, or with a reducible polynomial, is refused")
  func otherVersions() async throws {
    for version in [0, 3, 99, -1] {
      let backend = MemoryBackend()
      let repository = try await TestRepository.create(on: backend)
      var config = repository.config
      config.version = version
      backend[.config] = repository.coder.masterKey.seal(config.encode())
      let failure = await Self.failure { try await Self.open(backend) }
      #expect(failure == "version \(version)" || (version < 0 && failure == "damaged"))
    }
    let backend = MemoryBackend()
    let repository = try await TestRepository.create(on: backend)
    var config = repository.config
    config.chunkerPolynomial ^= 1
    backend[.config] = repository.coder.masterKey.seal(config.encode())
    #expect(await Self.failure { try await Self.open(backend) } == "damaged")
  }

  @Test("an error of the storage does not count as a missing repository")
  func storageErrors() async throws {
    let backend = MemoryBackend()
    _ = try await TestRepository.create(on: backend)
    let calls = FaultBackend(backend)
    _ = try await Self.open(calls)
    for number in 1...calls.callCount {
      let faulty = FaultBackend.failing(backend, call: number)
      #expect(await Self.failure { try await Self.open(faulty) } == "backend")
    }
  }

  @Test("a creation that stops at any call leaves no repository or a complete one")
  func cutOffCreation() async throws {
    for losingAnswer in [false, true] {
      for count in 0..<12 {
        let backend = MemoryBackend()
        let dying = FaultBackend.dying(backend, afterCalls: count, losingAnswer: losingAnswer)
        let creation = await Self.failure { try await TestRepository.create(on: dying) }
        let opening = await Self.failure { try await Self.open(backend) }
        #expect(opening == "none" || opening == "noRepository")
        if creation == "none" { #expect(opening == "none") }
      }
    }
  }
}
