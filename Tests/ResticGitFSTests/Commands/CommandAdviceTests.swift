import Testing

@testable import ResticGitFS

@Suite("A command line that names no command")
struct CommandAdviceTests {
  private func advice(_ line: String) -> String? {
    CommandAdvice.text(for: line.split(separator: " ").map(String.init), commands: ResticGitFS.commandNames)
  }

  @Test(
    "is answered with the intended command",
    arguments: [
      ("monut", "mount"), ("mout", "mount"), ("stat", "status"), ("unmount m", "umount"), ("inti", "init"),
      ("help moun", "mount"), ("syncc", "sync"), ("snapshot", "snapshots"), ("unlok", "unlock"),
    ])
  func suggestions(line: String, meant: String) {
    #expect(advice(line)?.contains("did you mean \"\(meant)\"?") == true, "\(advice(line) ?? "")")
  }

  @Test(
    "but a command of restic's is referred to restic",
    arguments: ["check", "forget", "prune", "help backup", "restore latest"])
  func resticCommands(line: String) {
    #expect(advice(line)?.contains("is a command of restic") == true, "\(advice(line) ?? "")")
  }

  @Test("and resembles none gets no suggestion")
  func unknown() {
    #expect(advice("defenestrate") == "there is no command \"defenestrate\"; `restic-gitfs --help` lists the commands")
  }

  @Test("commands of this program, options and help are left alone")
  func known() {
    for line in ["mount -r x m", "help", "help mount", "--help", "-r x", "version", ""] { #expect(advice(line) == nil) }
  }
}
