import ArgumentParser
import Foundation
import Glibc
import NamedRepositories
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("Completions")
struct CompletionTests {
  private func offers(_ prefix: String) -> [String] {
    MountCompletion.offers(
      ["/home/me/vault", "/home/me/work", "/mnt/a b"], for: prefix, home: "/home/me", workingFolder: "/home")
  }

  @Test("mounts are spelled as the word begins: absolute, from the home folder, from the working folder")
  func mounts() {
    #expect(offers("") == ["/home/me/vault", "/home/me/work", "/mnt/a b"])
    #expect(offers("/mnt/") == ["/mnt/a b"])
    #expect(offers("~/v") == ["~/vault"])
    #expect(offers("me/") == ["me/vault", "me/work"])
    #expect(offers("./me/w") == ["./me/work"])
    #expect(offers("else").isEmpty)
  }

  @Test("snapshots are completed from the line's repository and filter")
  func snapshots() {
    func arguments(_ words: String...) -> ArraySlice<String> {
      SnapshotCompletion.arguments(of: words, home: "/home/me").dropFirst(3)
    }
    #expect(arguments("restic-gitfs", "mount", "-r", "~/v", "--snapshot", "1a") == ["-r", "/home/me/v"])
    #expect(arguments("restic-gitfs", "--repo=/v", "mount", "--tag", "'a b'", "-v") == ["--repo=/v", "--tag", "a b"])
    #expect(arguments("restic-gitfs", "mount", "--repo", "=", "/v", "--no-cache") == ["--repo", "/v", "--no-cache"])
    #expect(arguments("restic-gitfs", "mount", "--snapshot=1a", "-p", #"a\ b"#, "/mnt") == ["-p", "a b"])
    #expect(arguments("restic-gitfs", "mount", "-r").isEmpty)
  }

  /// The repositories that a configuration file with `text` names.
  private func named(_ text: String) throws -> NamedRepositories {
    let folder = try TemporaryDirectory(prefix: "names")
    let file = folder.path.appending("config.toml").string
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    chmod(file, 0o600)
    return try NamedRepositories.load { $0 == "RESTIC_GITFS_CONFIG" ? file : nil }
  }

  @Test("a snapshot's repository may be named by an argument, unless an option names one")
  func namedSnapshots() {
    func arguments(_ words: String...) -> ArraySlice<String> {
      SnapshotCompletion.arguments(of: words, home: "/home/me") { $0 == "vault" || $0 == "other" }.dropFirst(3)
    }
    #expect(arguments("restic-gitfs", "mount", "vault", "--snapshot", "1a") == ["-r", "vault"])
    #expect(arguments("restic-gitfs", "mount", "--tag", "vault", "other", "/mnt") == ["--tag", "vault", "-r", "other"])
    #expect(arguments("restic-gitfs", "mount", "-r", "/v", "vault") == ["-r", "/v"])
    #expect(arguments("restic-gitfs", "mount", "--repo=/v", "vault") == ["--repo=/v"])
  }

  @Test("a completion does not open a storage whose program may prompt on the terminal, under any name")
  func talkative() throws {
    let named = try named(
      """
      [repositories.nas]
      repository = "sftp:nas:vault"
      [repositories.disk]
      repository = "/srv/vault"
      """)
    for words in [["-r", "sftp:nas:v"], ["--repo=rclone:a:b"], ["-r", "nas"], ["--repo=nas"]] {
      #expect(SnapshotCompletion.isTalkative(words, named), "\(words)")
    }
    for words in [["-r", "/srv/sftp:x"], ["-r", "disk"], ["--repo=disk", ""], ["--tag", "x"]] {
      #expect(!SnapshotCompletion.isTalkative(words, named), "\(words)")
    }
  }

  @Test("a mountpoint may be given by the name of its repository")
  func mountNames() throws {
    let named = try named(
      """
      [repositories.vault]
      repository = "/srv/vault"
      mountpoint = "/home/me/vault"
      [repositories.vast]
      repository = "/srv/vast"
      mountpoint = "/home/me/vast"
      [repositories.vague]
      repository = "/srv/vague"
      """)
    #expect(MountCompletion.names(of: named, at: ["/home/me/vault"], for: "va") == ["vault"])
    #expect(MountCompletion.names(of: named, at: ["/home/me/vault"], for: "x").isEmpty)
  }

  @Test("a word is offered in the shell's quoting, and not if the shell would take it for two words")
  func words() {
    #expect(OfferedWord.text("a b$(x)é", for: .bash) == #"a\ b\$\(x\)é"#)
    #expect(OfferedWord.text(#"/a:b\c"#, for: .zsh) == #"/a\:b\\c"#)
    #expect(OfferedWord.text("a b$(x)", for: .fish) == "a b$(x)")
    for word in ["a\nb", "a\tb", "\u{7f}"] { #expect(OfferedWord.text(word, for: .bash) == nil) }
  }

  @Test("each shell's script offers names and folders where both are possible", arguments: CompletionShell.allCases)
  func scripts(_ shell: CompletionShell) throws {
    let script = try #require(CompletionScript.asked(by: ["--generate-completion-script", shell.rawValue]))
    // The completions of `-r`, and of the argument of `mount`.
    let count = script.components(separatedBy: RepositoryCompletion.namesArguments).count - 1
    #expect(count > ResticGitFS.commandNames.count / 2)
    #expect(!script.contains(RepositoryCompletion.namesCommand))
    #expect(CompletionScript.asked(by: ["--generate-completion-script", "csh"]) == nil)
    #expect(CompletionScript.asked(by: ["mount", "/mnt"]) == nil)
  }

  @Test("the hidden arguments of the completion keep their places on the line")
  func order() {
    for line in [
      ["--generate-completion-script", "zsh"], ["---completion", "umount", "--", "positional@0", "1", "0"],
    ] {
      #expect(GlobalOptionOrder.commandFirst(line) == line)
    }
  }
}
