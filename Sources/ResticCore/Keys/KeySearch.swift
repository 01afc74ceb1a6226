internal import Logging

/// Finds the key file that a password opens.
struct KeySearch {
  /// The most keys to try, besides the hinted one.
  /// Source: restic, maxKeys.
  private static let limit = 20

  let backend: any Backend
  /// Files that were read early.
  let reads: OpeningReads
  let password: SecureBytes
  let logger: Logger

  /// The master key and the id of its file. `hint` is the beginning of an id; that key is tried first.
  ///
  /// Throws `.wrongPassword` if the password opens no key or there are no keys; `.damaged` if some keys could not be
  /// read and no other key opened.
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
    let listed = try await reads.keys().map(\.file)
    let hintedCount = Self.hinted(listed, hint: hint).count
    let ordered = Self.order(listed, hint: hint)
    if ordered.count - hintedCount > Self.limit {
      logger.warning(
        "only \(Self.limit) of \(ordered.count - hintedCount) keys are tried; name the right one with a key hint (--key-hint)"
      )
    }
    return ordered.prefix(hintedCount + Self.limit).compactMap { KeyID(hex: $0.name) }
  }

  /// The one key whose id begins with `hint`; empty if there are several.
  static func hinted(_ keys: [BackendFile], hint: String?) -> [BackendFile] {
    guard let hint, !hint.isEmpty else { return [] }
    let hinted = keys.filter { $0.name.hasPrefix(hint) }
    return hinted.count == 1 ? hinted : []
  }

  /// The order in which `keys` are tried: the hinted one first.
  static func order(_ keys: [BackendFile], hint: String?) -> [BackendFile] {
    let first = hinted(keys, hint: hint)
    return first + keys.filter { !first.contains($0) }.sorted { $0.name < $1.name }
  }

  private func open(_ id: KeyID) async throws(RepositoryError) -> MasterKey {
    var stored = try await reads.key(id)
    if stored == nil { stored = try await UnpackedFiles.loadStored(.key(id), from: backend) }
    do {
      return try KeyFile.decode(stored?.array ?? []).open(password)
    } catch CryptoError.wrongMAC {
      throw .wrongPassword
    } catch {
      throw .damaged("\(BackendFile.key(id)) is damaged: \(error)")
    }
  }
}
