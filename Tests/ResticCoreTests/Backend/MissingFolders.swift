import Glibc
import SystemPackage
import Testing

@testable import ResticCore

/// Takes folders away from the repository of `backend` in `root`, which has no packs and locks, and expects that nothing is in them
/// and that calls which need the folders make them.
func expectFoldersMade(by backend: any Backend, in root: FilePath) async throws {
  let id: ID<Never> = SHA256.id(of: [2])
  let pack = try #require(BackendFile(type: .data, name: id.hex))
  let lock = try #require(BackendFile(type: .lock, name: id.hex))
  #expect(rmdir(root.appending("locks").string) == 0)
  #expect(rmdir(root.appending("data").appending(String(pack.name.prefix(2))).string) == 0)
  #expect(try await backend.list(.lock) == [])
  #expect(try await backend.list(.data) == [])
  try await backend.save(pack, [2])
  try await backend.save(lock, [3])
  #expect(try await backend.load(pack).array == [2])
  #expect(try await backend.load(lock).array == [3])
}
