import FuseBridge
import ResticCore
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Names are bytes")
struct ExtendedAttributeNameTests {
  private static let composed = Array("user.\u{e9}".utf8)
  private static let decomposed = Array("user.e\u{301}".utf8)

  // F12 Extended attributes user.* […] are kept, as restic stores them: two spellings of one word are two names.
  @Test("two extended attributes whose names are equal in Unicode only stay two, also after a commit and a new mount")
  func attributes() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    try await mount.write([], to: "f")
    try await mount.onThread { mount in
      let inode = try mount.inode("f")
      try mount.fileSystem.setExtendedAttribute(Self.composed, of: inode, to: [1], flags: 0)
      #expect(throws: Errno.noData) { try mount.fileSystem.extendedAttribute(Self.decomposed, of: inode) }
      #expect(throws: Errno.noData) { try mount.fileSystem.removeExtendedAttribute(Self.decomposed, of: inode) }
      try mount.fileSystem.setExtendedAttribute(Self.decomposed, of: inode, to: [2], flags: 1)
    }
    _ = try await mount.coordinator.commit(.sync)
    for mount in [mount, try await mount.again()] {
      try await mount.onThread { mount in
        let inode = try mount.inode("f")
        #expect(try mount.fileSystem.extendedAttribute(Self.composed, of: inode) == [1])
        #expect(try mount.fileSystem.extendedAttribute(Self.decomposed, of: inode) == [2])
        #expect(try Set(mount.fileSystem.extendedAttributeNames(of: inode)) == [Self.composed, Self.decomposed])
      }
    }
  }

  @Test("snapshots whose paths are equal in Unicode only are unrelated")
  func paths() throws {
    func snapshot(_ path: String) -> Snapshot {
      Snapshot(time: .zero, tree: BlobID(hex: String(repeating: "0", count: 64))!, paths: [path], hostname: path)
    }
    let (composed, decomposed) = (snapshot("/\u{e9}"), snapshot("/e\u{301}"))
    let identity = SnapshotIdentity(hostname: "here", username: "me", userID: 1, groupID: 1)
    let description = SnapshotDescription(
      base: SavedSnapshot(id: SnapshotID(hex: String(repeating: "1", count: 64))!, snapshot: composed),
      filter: SnapshotFilter(), identity: identity)
    #expect(description.covers(composed))
    #expect(!description.covers(decomposed))
    #expect(!SnapshotFilter(hosts: ["/\u{e9}"]).matches(decomposed))
    let other = SnapshotDescription(
      base: nil, filter: SnapshotFilter(hosts: ["\u{e9}"]),
      identity: SnapshotIdentity(hostname: "e\u{301}", username: "me", userID: 1, groupID: 1))
    let summary = SnapshotSummary(backupStart: .zero, backupEnd: .zero)
    #expect(try other.successor(composed.tree, at: .zero, summary: summary).hostname.utf8.elementsEqual("\u{e9}".utf8))
  }
}
