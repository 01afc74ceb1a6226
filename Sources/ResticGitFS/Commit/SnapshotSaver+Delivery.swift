import Logging
import ResticCore

/// Sending a snapshot, and finding out whether it arrived.
extension SnapshotSaver {
  /// Saves the snapshot that is to be the newest.
  func send(
    _ sealed: SealedSnapshot, of change: Change, _ merge: CommitResult.Merge?
  ) async throws -> SentSnapshot {
    let sent = SentSnapshot(sealed: sealed, ours: change.mounted, merge: merge)
    willSend(sent)
    _ = try await deliver(sealed)
    didSave(sent)
    return sent
  }

  /// In a network the look at the config before the sending may be a second old: looks once more. Where another repository has
  /// taken the place of the one that was opened, `sent` may be in that one, and counts as not answered: throws
  /// `UnansweredSnapshot`, and the next commit looks for the snapshot. Any other failure says nothing.
  func confirmIdentity(after sent: SentSnapshot?) async throws {
    guard let sent, repository.backend.isDistant else { return }
    do throws(RepositoryError) {
      try await repository.confirmIdentity()
    } catch .otherRepository(let message) {
      willSend(sent)
      throw UnansweredSnapshot(saved: sent.saved, cause: .otherRepository(message))
    } catch {
      return
    }
  }

  /// Makes sure that `arrived`, whose saving had failed, stays: a snapshot that can be read may still be lost in a power cut.
  /// A snapshot that is not `listed` under its own name was tagged or rewritten by somebody who saved it anew.
  func keep(_ arrived: SentSnapshot, _ listed: Set<SnapshotID>) async throws {
    if listed.contains(arrived.saved.id) { _ = try await deliver(arrived.sealed) }
  }

  /// Saves a snapshot. If that fails, the storage may have the snapshot all the same; but bytes that can be read back may be
  /// in memory only, so the snapshot counts as saved once the storage has accepted the same bytes again. Throws the failure
  /// where the snapshot is not there, and `UnansweredSnapshot` where that cannot be seen or the storage does not accept it.
  func deliver(_ sealed: SealedSnapshot) async throws -> SavedSnapshot {
    do throws(RepositoryError) {
      return try await repository.save(sealed)
    } catch let failure {
      let isThere: Bool
      do throws(RepositoryError) {
        isThere = try await repository.isStored(sealed)
      } catch .otherRepository {
        throw failure
      } catch {
        throw UnansweredSnapshot(saved: sealed.saved, cause: failure)
      }
      guard isThere else { throw failure }
      do throws(RepositoryError) {
        try await repository.save(sealed)
      } catch {
        // The first failure is the one to tell.
        throw UnansweredSnapshot(saved: sealed.saved, cause: failure)
      }
      logger.warning("snapshot \(sealed.saved.id.short) was stored, although saving it failed: \(failure)")
      return sealed.saved
    }
  }
}
