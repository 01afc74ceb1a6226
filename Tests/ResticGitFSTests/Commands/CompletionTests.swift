import Testing

@testable import ResticGitFS

@Suite("What shells complete")
struct CompletionTests {
  private func offers(_ prefix: String) -> [String] {
    MountCompletion.offers(
      ["/home/me/vault", "/home/me/work", "/mnt/a b"], for: prefix, home: "/home/me", workingFolder: "/home")
  }

  @Test("mounts are spelled as the word begins: in full, from the home folder, from the working folder")
  func mounts() {
    #expect(offers("") == ["/home/me/vault", "/home/me/work", "/mnt/a b"])
    #expect(offers("/mnt/") == ["/mnt/a b"])
    #expect(offers("~/v") == ["~/vault"])
    #expect(offers("me/") == ["me/vault", "me/work"])
    #expect(offers("./me/w") == ["./me/work"])
    #expect(offers("else").isEmpty)
  }

  @Test("snapshots are those of the repository and the filter that the line names")
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

  @Test("the shell's name, and what a shell asks for, keep their places on the line")
  func order() {
    for line in [
      ["--generate-completion-script", "zsh"], ["---completion", "umount", "--", "positional@0", "1", "0"],
    ] {
      #expect(GlobalOptionOrder.commandFirst(line) == line)
    }
  }
}
