import Logging
import ResticCore

/// Sending a snapshot, and finding out whether it arrived.
extension SnapshotSaver {
  /// Sends the snapshot that is to be the newest.
  func send(
    _ sealed: SealedSnapshot, of change: Change, _ merge: CommitResult.Merge?
  ) async throws -> SentSnapshot {
    let sent = SentSnapshot(sealed: sealed, ours: change.mounted, merge: merge)
    willSend(sent)
    _ = try await deliver(sealed)
    didSave(sent)
    return sent
  }

  /// In a network, the check of the config before sending may be a second old: checks once more. If another repository
  /// is in the place of the one that was opened, `sent` may be stored there, and counts as unanswered: throws
  /// `UnansweredSnapshot`, and the next commit looks for the snapshot. Ignores any other failure.
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

  /// Makes sure that `arrived`, whose saving had failed, stays: a readable snapshot may still be lost in a power cut.
  /// If it is not `listed` under its own name, somebody has tagged or rewritten it, and so saved it again.
  func keep(_ arrived: SentSnapshot, _ listed: Set<SnapshotID>) async throws {
    if listed.contains(arrived.saved.id) { _ = try await deliver(arrived.sealed) }
  }

  /// Saves a snapshot. If that fails, the storage may have stored the snapshot nevertheless; but readable bytes may be
  /// in memory only, so the snapshot counts as saved once the storage has accepted the same bytes again. Throws the
  /// failure if the snapshot is not stored, and `UnansweredSnapshot` if that is unknown or the storage does not accept
  /// it.
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
        // The first failure is the one to report.
        throw UnansweredSnapshot(saved: sealed.saved, cause: failure)
      }
      logger.warning("snapshot \(sealed.saved.id.short) was stored, although saving it failed: \(failure)")
      return sealed.saved
    }
  }
}
