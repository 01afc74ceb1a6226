import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The state of a mount between two snapshots")
struct CommitStateTests {
  private static func tree(_ number: UInt8) -> BlobID { SHA256.id(of: [number], as: BlobID.self) }

  private static func snapshot(_ number: UInt8) -> SavedSnapshot {
    SavedSnapshot(
      id: SHA256.id(of: [number, 0], as: SnapshotID.self),
      snapshot: Snapshot(
        time: Timestamp(seconds: Int64(number), nanoseconds: 0), tree: tree(number), paths: ["/git"]))
  }

  private static let now = Timestamp(seconds: 100, nanoseconds: 0)
  private static let unconfirmed = UnconfirmedSnapshot(
    saved: snapshot(3), ours: tree(3), known: [snapshot(1).id], cause: CancellationError())

  @Test("a look notes a newer snapshot, and forgets it once the mount shows it")
  func looking() {
    var state = CommitState(base: Self.snapshot(1), ahead: nil)
    state.noteLook(Self.snapshot(1))
    #expect(state.base.newer == nil)
    state.noteLook(Self.snapshot(2))
    #expect(state.base.newer?.id == Self.snapshot(2).id)
    #expect(state.base.shown.snapshot?.id == Self.snapshot(1).id)
    state.noteShown(Self.snapshot(2))
    #expect(state.base.newer == nil && state.base.shown.tree == Self.tree(2) && !state.isInDoubt)
  }

  @Test("a saved snapshot that may be hidden keeps the mount in doubt until a commit succeeds")
  func doubt() {
    var state = CommitState(base: Self.snapshot(1), ahead: nil)
    state.noteLook(Self.snapshot(2))
    state.noteUnconfirmed(Self.unconfirmed)
    #expect(state.isInDoubt && state.base.known == [Self.snapshot(1).id])
    #expect(state.base.newer?.id == Self.snapshot(2).id, "what was newer than the mount is still")
    state.noteLook(Self.snapshot(3))
    #expect(state.isInDoubt && state.base.newer == nil, "the snapshot is the mount's own")
    state.noteLook(Self.snapshot(4))
    state.noteCommit(.unchanged(Self.snapshot(4).id), at: Self.now, wallTime: Self.now)
    #expect(!state.isInDoubt && state.base.newer?.id == Self.snapshot(4).id)
  }

  @Test("after a merge the mount shows its own side, until it shows the merged tree")
  func merged() {
    var state = CommitState(base: Self.snapshot(1), ahead: nil)
    let merge = CommitResult.Merge(conflicts: [], ours: Self.tree(7))
    state.noteCommit(.saved(Self.snapshot(5), merge: merge), at: Self.now, wallTime: Self.now)
    #expect(state.base.shown.tree == Self.tree(7) && state.base.shown.snapshot?.id == Self.snapshot(5).id)
    #expect(state.base.newer?.id == Self.snapshot(5).id)
    state.noteCommit(.saved(Self.snapshot(6), merge: nil), at: Self.now, wallTime: Self.now)
    #expect(state.base.newer == nil && state.base.shown.tree == Self.tree(6))
  }

  @Test("the phases follow the events")
  func phases() {
    var state = CommitState(base: nil, ahead: nil)
    #expect(state.noteChange() && !state.noteChange() && state.phase == .dirty)
    let progress = CommitProgress(fileCount: 0, byteCount: 0)
    state.beginStoring(progress)
    #expect(state.phase == .committing && state.progress != nil)
    state.noteFailure(CancellationError(), at: Self.now)
    #expect(state.phase == .dirty && state.progress == nil && state.lastError != nil)
    state.beginUnmounting()
    state.beginStoring(progress)
    #expect(state.phase == .unmounting, "an unmount stays one")
    state.noteClean()
    state.noteEnd(.unchanged(nil), after: .seconds(1))
    #expect(state.phase == .clean && state.lastError == nil)
    #expect(state.counts == CommitCounts(failed: 1), "a commit without a change is none")
  }
}
