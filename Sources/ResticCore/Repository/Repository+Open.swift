extension Repository {
  /// The repository on `backend`, opened with `password`. The index is not loaded yet.
  ///
  /// `keyHint` is the beginning of the id of the key to try first. Throws, in restic's order: `.noRepository` without a
  /// config, `.wrongPassword` if no key opens, `.damaged` naming the file, `.unsupportedVersion`.
  public static func open(
    on backend: any Backend, password: SecureBytes, keyHint: String? = nil, settings: Settings = Settings()
  ) async throws(RepositoryError) -> Repository {
    let configByteCount: Int
    do throws(BackendError) {
      configByteCount = try await backend.byteCount(of: .config)
    } catch .notFound, .missing {
      throw .noRepository(backend.description)
    } catch {
      throw .backend(error)
    }
    guard configByteCount > 0 else { throw .damaged("config is empty") }
    let search = KeySearch(backend: backend, password: password, logger: settings.logger)
    let (masterKey, keyID) = try await search.find(hint: keyHint)
    let (config, polynomial) = try await loadConfig(backend, masterKey)
    return Repository(
      backend: backend, config: config, polynomial: polynomial, keyID: keyID, masterKey: masterKey, settings: settings)
  }

  private static func loadConfig(
    _ backend: any Backend, _ masterKey: MasterKey
  ) async throws(RepositoryError) -> (Config, ChunkerPolynomial) {
    let config = try await readConfig(backend, masterKey)
    guard let polynomial = ChunkerPolynomial(rawValue: config.chunkerPolynomial), polynomial.isIrreducible else {
      throw .damaged("config is damaged: its chunker polynomial is not irreducible or not of degree 53")
    }
    return (config, polynomial)
  }

  /// The config on `backend`, of a version that we know. Throws `.damaged` where `masterKey` does not open it.
  static func readConfig(_ backend: any Backend, _ masterKey: MasterKey) async throws(RepositoryError) -> Config {
    let files = UnpackedFiles(backend: backend, masterKey: masterKey, version: 1, compression: .auto)
    let config: Config
    do {
      config = try Config.decode(try await files.load(.config))
    } catch let error as RepositoryError {
      throw error
    } catch {
      throw .damaged("config is damaged: \(error)")
    }
    guard supportedVersions.contains(config.version) else { throw .unsupportedVersion(config.version) }
    return config
  }
}
