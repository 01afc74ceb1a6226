extension Repository {
  /// The format versions that this program reads and writes.
  public static let supportedVersions = 1...2

  /// Makes a new, empty repository of format `version` on `backend`, with one key that `password` opens.
  ///
  /// Never changes existing files: throws `.alreadyInitialized` if there is a config, a key or a snapshot. The config
  /// is written last, so a repository whose creation was interrupted does not count as one.
  public static func create(
    on backend: any Backend, version: Int = 2, password: SecureBytes, settings: Settings = Settings()
  ) async throws(RepositoryError) -> Repository {
    guard supportedVersions.contains(version) else { throw .unsupportedVersion(version) }
    do throws(BackendError) {
      try await backend.create()
    } catch {
      throw .backend(error)
    }
    guard try await isEmpty(backend) else { throw .alreadyInitialized(backend.description) }

    let masterKey = MasterKey.random()
    let polynomial = ChunkerPolynomial.random()
    let config = Config(
      version: version, id: Self.randomID(), chunkerPolynomial: polynomial.rawValue)
    let keyID = try await saveKey(masterKey, password: password, on: backend, settings: settings)
    let repository = Repository(
      backend: backend, config: config, polynomial: polynomial, keyID: keyID, masterKey: masterKey, settings: settings)
    try await repository.unpacked.saveConfig(config.encode())
    return repository
  }

  /// 32 random bytes in hex.
  private static func randomID() -> String {
    var bytes = SecureRandom.bytes(ID<Never>.byteCount)
    return bytes.withUnsafeMutableBytes { ID<Never>(bytes: UnsafeRawBufferPointer($0)).hex }
  }

  /// Whether there is no file of a repository. Keys and snapshots are checked too, because a storage that deletes old
  /// files automatically removes the config first.
  /// Source: restic, Repository.Init.
  private static func isEmpty(_ backend: any Backend) async throws(RepositoryError) -> Bool {
    do throws(BackendError) {
      _ = try await backend.byteCount(of: .config)
      return false
    } catch .notFound {
      do throws(BackendError) {
        for type in [BackendFileType.key, .snapshot] where try await !backend.list(type).isEmpty { return false }
        return true
      } catch {
        throw .backend(error)
      }
    } catch {
      throw .backend(error)
    }
  }

  private static func saveKey(
    _ masterKey: MasterKey, password: SecureBytes, on backend: any Backend, settings: Settings
  ) async throws(RepositoryError) -> KeyID {
    let file: KeyFile
    let created = Timestamp.now()
    guard created.isStorable else {
      throw .unstorableTime("a key cannot have the time \(created.rfc3339): set this machine's clock")
    }
    do throws(CryptoError) {
      file = try KeyFile.make(
        sealing: masterKey, password: password, cost: settings.scryptCost ?? .calibrate(), identity: settings.identity,
        created: created)
    } catch {
      throw .tooLarge("the key cannot be made: \(error)")
    }
    let bytes = file.encode()
    let id: KeyID = SHA256.id(of: bytes)
    do throws(BackendError) {
      try await backend.save(.key(id), bytes)
    } catch {
      throw .backend(error)
    }
    return id
  }
}
