import FoundationEssentials
import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The status of a mount")
struct MountStatusTests {
  private static func status(_ message: String, references: [String] = []) throws -> MountStatus {
    let text = #"""
      {"repository":"/srv/vault","mountpoint":"/mnt/vault","pid":1,"readOnly":false,"state":"clean","dirtyBytes":0,
      "dirtyFiles":0,"version":"0","repositories":["srv/a.git","srv/b.git"],
      "lastCommit":{"time":"then","conflict":true},"lastError":{"time":"then","exitCode":3,"message":""}}
      """#
    var status = try JSONDecoder().decode(MountStatus.self, from: Data(text.utf8))
    status.lastCommit?.message = message
    status.lastError?.message = message
    status.lastError?.references = references
    status.refused = message
    return status
  }

  private static func told(_ status: MountStatus) throws -> MountStatus {
    let bytes = try #require(status.attribute)
    #expect(bytes.count <= 65536)
    return try JSONDecoder().decode(MountStatus.self, from: Data(bytes))
  }

  @Test("is complete while an extended attribute can hold it")
  func whole() throws {
    let status = try Self.status("conflict", references: (0..<1000).map { "refs/heads/b\($0)" })
    #expect(try Self.told(status) == status)
  }

  /// A control character takes six bytes in JSON.
  @Test("is shortened if it is larger, and says so", arguments: ["x", "\u{1}", "\u{1F5C4}"])
  func large(_ character: String) throws {
    let message = String(repeating: character, count: 40_000)
    let told = try Self.told(Self.status(message))
    let cut = try #require(told.lastCommit?.message)
    #expect(cut.hasPrefix(character + character) && cut.hasSuffix(" bytes more)") && cut.utf8.count < 5000)
    #expect(told.lastError?.message == cut && told.refused == cut && told.repositories == ["srv/a.git"])
    let listed = try Self.told(Self.status("conflict", references: (0..<8000).map { "refs/heads/b\($0)" }))
    #expect(listed.lastError?.references == nil && listed.lastError?.message == "conflict")
  }

  @Test("names the first of many conflicts and counts the rest")
  func conflicts() {
    let one = MergeConflict.file(path: ["file"], keptAs: ["file.conflict"])
    #expect([one].list == one.description && [one, one].list == "\(one); \(one)")
    let many = Array(repeating: one, count: 1000).list
    let named = many.split(separator: "your version is kept").count - 1
    #expect(many.utf8.count < 4200 && named > 10 && many.hasSuffix("; and \(1000 - named) more"))
    let long = MergeConflict.file(path: Array(repeating: "directory", count: 1000), keptAs: ["file"])
    #expect([long, one].list == "\(long); and 1 more")
  }
}
