import ResticCore
public import SystemPackage

/// Makes repositories whose password costs next to nothing to check: every command of a test opens one.
public enum CheapRepository {
  /// Makes an empty repository in the new folder `path`.
  public static func create(at path: FilePath, version: Int = 2, password: String) async throws {
    var bytes = Array(password.utf8)
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    _ = try await Repository.create(
      on: LocalBackend(path: path), version: version, password: SecureBytes(wiping: &bytes), settings: settings)
  }
}
