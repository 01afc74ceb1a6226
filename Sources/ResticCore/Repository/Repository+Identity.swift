/// Confirms that the repository is the one that was opened: another one may have been put in its place, or it may have
/// been migrated.
extension Repository {
  /// Reads the config again, and adopts a newer format version. Call it before relying on what is stored or adding to
  /// it.
  ///
  /// Throws `.otherRepository` if another repository is in the place of the one that was opened; `.damaged` if the
  /// config cannot be read, or states an older version than before; `.unsupportedVersion`; and `.backend(.missing)` if
  /// there is no config. Nothing may be written then.
  public func confirmIdentity() async throws(RepositoryError) {
    let begin = ContinuousClock.now
    let found: Config
    do throws(RepositoryError) {
      found = try await Self.readConfig(backend, masterKey)
    } catch .backend(.notFound) {
      throw .backend(.missing("\(backend.description) holds no restic repository (is its disk mounted?)"))
    } catch .damaged(let message) {
      // If the key file is still there, it is the same repository, and its config is damaged.
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

  /// How long a check of the config is valid for files that are stored over a network, counted from the beginning of
  /// the check. A commit sends its files in one round of requests after another, and a check before each would double
  /// the rounds.
  ///
  /// Between any check and the file stored after it there is a round trip in which somebody may replace the repository;
  /// this adds a little to that time. On a local disk every file is preceded by a check.
  static let lookLifetime = Duration.seconds(1)

  /// Makes sure that the config was checked within `lookLifetime`; on a disk, checks it now.
  ///
  /// If another task is checking, waits for that check.
  func requireIdentity() async throws(RepositoryError) {
    guard backend.isDistant else { return try await confirmIdentity() }
    try await lookUnlessSeen(within: Self.lookLifetime)
  }

  /// Begins a check of the config, for a caller that is about to store something but has another request to make first.
  public func anticipateStoring() {
    guard backend.isDistant else { return }
    Task {
      // If this fails, storing checks again.
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

  /// Records that a check that began at `time` confirmed the repository.
  func noteIdentity(seenAt time: ContinuousClock.Instant) {
    lastLook.withLock { $0 = max($0 ?? time, time) }
  }

  /// Stores `bytes` as `file`: the only way in which anything is added to an opened repository. If `confirmIdentity`
  /// throws, throws the same error and stores nothing.
  func store(_ file: BackendFile, _ bytes: PooledBytes) async throws(RepositoryError) {
    try await requireIdentity()
    do throws(BackendError) {
      try await backend.save(file, bytes)
    } catch {
      throw .backend(error)
    }
  }

  /// Seals and stores `plaintext` under the hash of its stored bytes; `file` makes the file of that name.
  func store<Kind>(
    _ plaintext: [UInt8], as file: (ID<Kind>) -> BackendFile
  ) async throws(RepositoryError) -> ID<Kind> {
    let (stored, id) = try unpacked.seal(plaintext, as: file)
    try await store(file(id), PooledBytes(copying: stored))
    return id
  }

  /// The result of `decode` for the plaintext of `file` and the format version that the plaintext belongs to.
  ///
  /// If decoding fails, the config is checked: if the repository was migrated, the file is read once more; if it is
  /// another repository, that is the error instead of the damage.
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
        // That the file is damaged is the better message.
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
      // If it cannot be opened, it is loaded again: the fault may have been in the transfer.
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

  /// Whether the file of the key that opened the repository still exists.
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

  /// The part of the id that restic shows.
  private static func shortID(_ config: Config) -> String {
    String(config.id.prefix(10))
  }
}
