import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The kernel's mount table")
struct MountTableTests {
  private let text = #"""
    22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=continue
    36 22 0:31 / /home/me/vault rw,nosuid,nodev,noexec,relatime shared:20 master:1 - fuse.restic-gitfs restic:/srv/vault rw,user_id=1000,group_id=1000,default_permissions
    37 22 0:32 / /mnt/a\040b\134c\011d\012e rw,relatime - fuse.restic-gitfs restic:x\040y rw,user_id=0,group_id=0
    38 22 0:33 / /mnt/over rw,relatime - tmpfs tmpfs rw
    39 38 0:34 / /mnt/over rw,relatime - fuse.restic-gitfs restic:z rw,user_id=1000,group_id=1000
    40 22 0:35 / /mnt/other rw,relatime - fuse.sshfs host: rw,user_id=1000,group_id=1000

    """#

  @Test("is read with optional fields, and with escaped bytes in names")
  func parsing() throws {
    let table = MountTable(parsing: Array(text.utf8))
    #expect(table.entries.count == 6)
    let vault = try #require(table.entry(at: "/home/me/vault"))
    #expect(vault.mountID == 36 && vault.isResticGitFS && vault.ownerID == 1000 && vault.source == "restic:/srv/vault")
    let odd = try #require(table.entry(at: "/mnt/a b\\c\td\ne"))
    #expect(odd.mountID == 37 && odd.source == "restic:x y" && odd.ownerID == 0)
    #expect(table.entry(at: "/")?.ownerID == nil)
    #expect(table.entry(at: "/home/me") == nil)
  }

  @Test("shows the upper of two mounts at one place")
  func stacked() {
    #expect(MountTable(parsing: Array(text.utf8)).entry(at: "/mnt/over")?.mountID == 39)
  }

  @Test("names a user's own mounts of this program, and no others")
  func owned() {
    let table = MountTable(parsing: Array(text.utf8))
    #expect(table.mounts(ownedBy: 1000).map(\.mountID) == [36, 39])
    #expect(table.mounts(ownedBy: 0).map(\.mountID) == [37])
    #expect(table.mounts(ownedBy: 7).isEmpty)
  }

  @Test("keeps a backslash outside an escape")
  func escapes() {
    func unescaped(_ text: String) -> String {
      String(decoding: MountTableEntry.unescaped(Array(text.utf8)[...]), as: UTF8.self)
    }
    #expect(unescaped(#"a\040b"#) == "a b")
    #expect(unescaped(#"a\04"#) == #"a\04"#)
    #expect(unescaped(#"a\089"#) == #"a\089"#)
    #expect(unescaped(#"\777"#) == #"\777"#)
    #expect(unescaped(#"\134040"#) == #"\040"#)
  }

  @Test("never causes a trap, however its text is truncated or changed")
  func malformed() {
    let line = Array(#"37 22 0:32 / /mnt/a\040b rw - fuse.restic-gitfs r rw,user_id=0"#.utf8)
    for length in 0...line.count { _ = MountTable(parsing: Array(line[..<length])) }
    for index in line.indices {
      for bit in 0..<8 {
        var changed = line
        changed[index] ^= 1 << bit
        _ = MountTable(parsing: changed)
      }
    }
    #expect(MountTable(parsing: Array("nonsense\n\n - \n".utf8)).entries.isEmpty)
  }

  @Test("has a root for this process")
  func real() throws {
    #expect(try MountTable.load().entry(at: "/") != nil)
  }
}
