internal import Logging

/// Finds the key file that a password opens.
struct KeySearch {
  /// Keys tried at most, beside the hinted one. Source: restic, maxKeys.
  private static let limit = 20

  let backend: any Backend
  let password: SecureBytes
  let logger: Logger

  /// The master key and the id of its file. `hint` is the beginning of an id; that key is tried first.
  ///
  /// Throws `.wrongPassword` if all keys decrypted wrongly, or there is none; `.damaged` if some could not be read and
  /// none of the others opened.
  func find(hint: String?) async throws(RepositoryError) -> (MasterKey, KeyID) {
    var damage: RepositoryError?
    for id in try await candidates(hint: hint) {
      do throws(RepositoryError) {
        return (try await open(id), id)
      } catch .wrongPassword {
        continue
      } catch .damaged(let message) {
        logger.warning("\(message)")
        damage = damage ?? .damaged(message)
      }
    }
    throw damage ?? .wrongPassword
  }

  /// The keys to try, in order.
  private func candidates(hint: String?) async throws(RepositoryError) -> [KeyID] {
    let listed: [KeyID]
    do throws(BackendError) {
      listed = try await backend.list(.key).compactMap { KeyID(hex: $0.file.name) }.sorted()
    } catch {
      throw .backend(error)
    }
    let hinted = hint.map { hint in listed.filter { !hint.isEmpty && $0.hex.hasPrefix(hint) } } ?? []
    let first = hinted.count == 1 ? hinted : []
    let others = listed.filter { !first.contains($0) }
    if others.count > Self.limit {
      logger.warning("only \(Self.limit) of \(others.count) keys are tried; a key hint names the right one")
    }
    return first + others.prefix(Self.limit)
  }

  private func open(_ id: KeyID) async throws(RepositoryError) -> MasterKey {
    let stored = try await UnpackedFiles.loadStored(.key(id), from: backend)
    do {
      return try KeyFile.decode(stored.array).open(password)
    } catch CryptoError.wrongMAC {
      throw .wrongPassword
    } catch {
      throw .damaged("\(BackendFile.key(id)) is damaged: \(error)")
    }
  }
}
