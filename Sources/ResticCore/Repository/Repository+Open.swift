extension Repository {
  /// The repository on `backend`, opened with `password`. The index is not loaded yet.
  ///
  /// `keyHint` is the beginning of the id of the key to try first. Throws, in restic's order: `.noRepository` without a
  /// config, `.wrongPassword` if no key opens, `.damaged` naming the file, `.unsupportedVersion`.
  ///
  /// `reads` were begun for this backend, so part of the answers may have arrived. The first calls on the repository
  /// use the files that were read for a mount.
  public static func open(
    on backend: any Backend, password: SecureBytes, keyHint: String? = nil, settings: Settings = Settings(),
    reads: OpeningReads? = nil
  ) async throws(RepositoryError) -> Repository {
    // No request to a person happens in between, so early answers are as good as late ones.
    let reads = reads ?? OpeningReads(of: backend, keyHint: keyHint, .keys, lifetime: .seconds(3600))
    try await reads.requireConfig()
    let search = KeySearch(backend: backend, reads: reads, password: password, logger: settings.logger)
    let (masterKey, keyID) = try await search.find(hint: keyHint)
    let early = await reads.recentConfig()
    let begin = early?.begin ?? .now
    let config = try await readConfig(backend, masterKey, early: early?.bytes)
    guard let polynomial = ChunkerPolynomial(rawValue: config.chunkerPolynomial), polynomial.isIrreducible else {
      throw .damaged("config is damaged: its chunker polynomial is not irreducible or not of degree 53")
    }
    let repository = Repository(
      backend: backend, config: config, polynomial: polynomial, keyID: keyID, masterKey: masterKey, settings: settings,
      reads: reads)
    repository.noteIdentity(seenAt: begin)
    return repository
  }

  /// The config on `backend`, of a supported version; `early` is its content if it was read. Throws `.damaged` if
  /// `masterKey` does not open it.
  static func readConfig(
    _ backend: any Backend, _ masterKey: MasterKey, early: PooledBytes? = nil
  ) async throws(RepositoryError) -> Config {
    let files = UnpackedFiles(backend: backend, masterKey: masterKey, version: 1, compression: .auto)
    let config: Config
    do {
      var stored = early
      if stored == nil { stored = try await files.loadStored(.config) }
      config = try Config.decode(try files.open(stored ?? PooledBytes(capacity: 0), .config))
    } catch let error as RepositoryError {
      throw error
    } catch {
      throw .damaged("config is damaged: \(error)")
    }
    guard supportedVersions.contains(config.version) else { throw .unsupportedVersion(config.version) }
    return config
  }
}
