@testable import ResticCore

extension UnpackedFiles {
  /// Seals and stores `plaintext`, whatever is at the backend: as another program does.
  @discardableResult
  func save<Kind>(_ plaintext: [UInt8], as file: (ID<Kind>) -> BackendFile) async throws -> ID<Kind> {
    let (stored, id) = try seal(plaintext, as: file)
    try await backend.save(file(id), stored)
    return id
  }
}
