import ResticTestSupport
import Testing

@testable import ResticGitFS

@Suite("The safe part of a configuration file")
struct SafeConfigurationTests {
  private static func shown(_ text: String) throws -> [String] {
    try GitConfigurationText(SafeConfiguration(of: Array(text.utf8)).text).entries.map { entry in
      [entry.section, entry.subsection, entry.key].compactMap { $0 }.joined(separator: ".") + "=" + (entry.value ?? "")
    }
  }

  private static func failure(_ text: String) -> String? {
    do {
      _ = try SafeConfiguration(of: Array(text.utf8))
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("harmless settings are shown with git's reading of their values; other settings are omitted")
  func allowed() throws {
    #expect(
      try Self.shown(
        """
        [core]
        bare
        repositoryFormatVersion = 0
        sharedRepository = 0640
        logAllRefUpdates = Always
        hooksPath = /x
        alternateRefsCommand = touch /x
        worktree = /x
        [receive]
        denyNonFastForwards = yes
        unpackLimit = 1k
        hideRefs = !refs/"a"\\\\b
        certNonceSeed = x
        procReceiveRefs = refs
        [receive "fsck"]
        missingEmail = Ignore
        skipList = ignore
        [pack]
        window = 100000
        [uploadpackfilter "blob:none"]
        allow = 0
        [include]
        path = /x
        [includeIf "gitdir:/"]
        path = /x
        [remote "origin"]
        promisor = true
        """)
        == [
          "core.bare=true", "core.repositoryformatversion=0", "core.sharedrepository=0640",
          "core.logallrefupdates=always",
          "receive.denynonfastforwards=true", "receive.unpacklimit=1024", "receive.hiderefs=!refs/a\\b",
          "receive.fsck.missingemail=ignore", "pack.window=1000", "uploadpackfilter.blob:none.allow=false",
        ])
  }

  @Test("a value that git would refuse is an error, and so is an unknown extension")
  func refused() throws {
    #expect(Self.failure("[receive]\ndenyDeletes = perhaps")?.contains("receive.denydeletes") == true)
    #expect(Self.failure("[core]\nbare = 9223372036854775808") != nil)
    #expect(Self.failure("[core]\ncompression = -9223372036854775808k") != nil)
    #expect(Self.failure("[receive]\nhideRefs = \"a\\nb\"") != nil)
    #expect(
      Self.failure("[core]\nrepositoryformatversion = 1\n[extensions]\nnew = 1")?.contains("extensions.new") == true)
    #expect(Self.failure("[extensions]\nnew = 1") == nil)
    #expect(
      Self.failure("[core]\nrepositoryformatversion = 1\n[extensions]\npartialClone = origin\nobjectFormat = sha256")
        == nil)
    #expect(Self.failure("[extensions]\nobjectFormat = \"sha1;x\"") != nil)
    #expect(Self.failure("[extensions]\nrefStorage = \"reftable:///x\"") != nil)
    #expect(Self.failure("[core]\n\u{7}")?.contains("line 2") == true)
  }

  /// G2 Of every variable that git knows, and of those that it doesn't know yet, none shows a command or a path.
  @Test("a command or a path in any of git's variables is not shown, however the variable is spelled")
  func everyVariable() async throws {
    let listed = try await ProcessRunner().run("git", ["help", "--config"])
    let names = listed.output.split(separator: "\n").map(String.init).filter { $0.contains(".") }
    try #require(names.count > 500)
    for name in names + ["future.planted", "core.future", "receive.future.command"] {
      let words = name.split(separator: ".").map(String.init)
      let middle = words.dropFirst().dropLast().joined(separator: ".")
      let key = words[words.count - 1].filter { $0.isLetter || $0.isNumber || $0 == "-" }
      guard key.first?.isLetter == true else { continue }
      for subsection in [middle.isEmpty ? nil : middle, nil, "planted", "tar.gz", "fsck", ".."] {
        let heading = subsection.map { "\(words[0]) \"\($0)\"" } ?? words[0]
        for value in ["touch /tmp/x", "/bin/true", "!sh", "ext::sh", "~/x", "../x", "x"] {
          guard let text = try? SafeConfiguration(of: Array("[\(heading)]\n\t\(key) = \(value)\n".utf8)).text else {
            continue
          }
          let entries = try GitConfigurationText(text).entries
          // A pattern for references may be any text; it names references.
          #expect(entries.isEmpty || key.lowercased() == "hiderefs" || key.lowercased().contains("expire"), "\(name)")
        }
      }
    }
  }
}
