/// The repository is the one that was opened: somebody may have put another one in its place, or migrated it.
extension Repository {
  /// Reads the config again, and takes over a newer format version. Call it before relying on what is stored or adding to it.
  ///
  /// Throws `.otherRepository` if another repository is in the place of the one that was opened; `.damaged` if the config
  /// cannot be read, or says an older version than before; `.unsupportedVersion`; and `.backend(.missing)` where there is
  /// no config. Nothing may be written then.
  public func confirmIdentity() async throws(RepositoryError) {
    let begin = ContinuousClock.now
    let found: Config
    do throws(RepositoryError) {
      found = try await Self.readConfig(backend, masterKey)
    } catch .backend(.notFound) {
      throw .backend(.missing("\(backend.description) holds no restic repository (is its disk mounted?)"))
    } catch .damaged(let message) {
      // A repository with our key file is ours, and its config is damaged.
      if try await hasOurKey() { throw .damaged(message) }
      throw otherRepository("one that its key does not open")
    }
    let known = config
    guard found.id == known.id, found.chunkerPolynomial == known.chunkerPolynomial else {
      throw otherRepository("repository \(Self.shortID(found))")
    }
    guard found.version >= known.version else {
      throw .damaged(
        "config says format version \(found.version), but the repository has had version \(known.version): it is an old copy"
      )
    }
    knownConfig.withLock { $0.version = max($0.version, found.version) }
    noteIdentity(seenAt: begin)
  }

  /// How long a look at the config counts for what is stored in a network, from when the look began: the files of a commit are
  /// sent one round of requests after the other, and a look before each would double the rounds.
  ///
  /// Between any look and what is stored upon it lies a round trip, in which somebody may put another repository in the place
  /// of ours: this is that time, and some more. On a storage that is no network away there is a look before each file.
  static let lookLifetime = Duration.seconds(1)

  /// Sees to it that the config was seen within `lookLifetime`; at once for who stores something on a disk.
  ///
  /// Whoever comes while another one looks waits for that look.
  func requireIdentity() async throws(RepositoryError) {
    guard backend.isDistant else { return try await confirmIdentity() }
    try await lookUnlessSeen(within: Self.lookLifetime)
  }

  /// Begins a look at the config, for who is about to store something and has something else to ask first.
  public func anticipateStoring() {
    guard backend.isDistant else { return }
    Task {
      // Whoever stores something looks again if this fails.
      try? await lookUnlessSeen(within: Self.lookLifetime / 2)
    }
  }

  private func lookUnlessSeen(within age: Duration) async throws(RepositoryError) {
    if wasSeen(within: age) { return }
    guard await identityGate.enter() else { throw .cancelled }
    defer { identityGate.leave() }
    if !wasSeen(within: age) { try await confirmIdentity() }
  }

  private func wasSeen(within age: Duration) -> Bool {
    lastLook.withLock { $0.map { $0.duration(to: .now) < age } ?? false }
  }

  /// Notes that the repository was ours by a look that began at `time`.
  func noteIdentity(seenAt time: ContinuousClock.Instant) {
    lastLook.withLock { $0 = max($0 ?? time, time) }
  }

  /// Stores `bytes` as `file`: the only way in which anything is added to a repository that was opened. Throws what
  /// `confirmIdentity` throws, and then stores nothing.
  func store(_ file: BackendFile, _ bytes: PooledBytes) async throws(RepositoryError) {
    try await requireIdentity()
    do throws(BackendError) {
      try await backend.save(file, bytes)
    } catch {
      throw .backend(error)
    }
  }

  /// Seals and stores `plaintext` under the name its stored bytes have; `file` makes the file of that name.
  func store<Kind>(
    _ plaintext: [UInt8], as file: (ID<Kind>) -> BackendFile
  ) async throws(RepositoryError) -> ID<Kind> {
    let (stored, id) = try unpacked.seal(plaintext, as: file)
    try await store(file(id), PooledBytes(copying: stored))
    return id
  }

  /// What `decode` makes of the plaintext of `file`, and of the format version that the plaintext belongs to.
  ///
  /// Where that fails the config is looked at: of a repository that was migrated the file is read once more, and another
  /// repository is the error instead of the damage.
  func load<Value>(
    _ file: BackendFile, _ decode: ([UInt8], _ version: Int) throws(FormatError) -> Value
  ) async throws(RepositoryError) -> Value {
    let version = config.version
    do throws(RepositoryError) {
      return try await load(file, version: version, decode)
    } catch .damaged(let message) {
      do throws(RepositoryError) {
        try await confirmIdentity()
      } catch .otherRepository(let message) {
        throw .otherRepository(message)
      } catch {
        // That the file is damaged says more.
      }
      let current = config.version
      guard current != version else { throw .damaged(message) }
      return try await load(file, version: current, decode)
    }
  }

  private func load<Value>(
    _ file: BackendFile, version: Int, _ decode: ([UInt8], _ version: Int) throws(FormatError) -> Value
  ) async throws(RepositoryError) -> Value {
    let files = UnpackedFiles(
      backend: backend, masterKey: masterKey, version: version, compression: settings.compression)
    var early: [UInt8]?
    if let stored = await takeEarly(file) {
      // What cannot be opened is loaded again: the fault may have been on the way.
      early = try? files.open(stored, file)
    }
    let plaintext: [UInt8]
    if let early { plaintext = early } else { plaintext = try await files.load(file) }
    do throws(FormatError) {
      return try decode(plaintext, version)
    } catch {
      throw .damaged("\(file) is damaged: \(error)")
    }
  }

  /// Whether the file of the key that opened the repository is there.
  private func hasOurKey() async throws(RepositoryError) -> Bool {
    do throws(BackendError) {
      _ = try await backend.byteCount(of: .key(keyID))
      return true
    } catch .notFound {
      return false
    } catch {
      throw .backend(error)
    }
  }

  private func otherRepository(_ other: String) -> RepositoryError {
    let own = Self.shortID(config)
    return .otherRepository(
      """
      another repository is at \(backend.description) now: repository \(own) was opened, and \(other) is there; nothing is \
      written to it; put repository \(own) back and try again
      """)
  }

  /// As much of the id as restic shows.
  private static func shortID(_ config: Config) -> String {
    String(config.id.prefix(10))
  }
}
