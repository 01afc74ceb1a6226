import CLinux
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("At a terminal", .timeLimit(.minutes(30)))
struct TerminalTests {
  private let directory: TemporaryDirectory
  private let environment: [String: String]

  init() async throws {
    directory = try TemporaryDirectory()
    environment = ["PATH": "/usr/bin:/bin", "HOME": directory.path.string]
  }

  private var vault: String { directory.path.appending("vault").string }
  private var mountpoint: String { directory.path.appending("mount").string }

  private func start(_ arguments: [String]) throws -> TerminalProcess {
    try TerminalProcess(arguments, environment: environment)
  }

  /// A repository with a cheap key whose password is `geheim`.
  private func makeRepository() async throws {
    var settings = Repository.Settings()
    settings.scryptCost = .minimum
    let password = Array("geheim".utf8).withUnsafeBytes { SecureBytes(copying: $0) }
    _ = try await Repository.create(
      on: LocalBackend(path: FilePath(vault)), password: password, settings: settings)
  }

  @Test("the program asks twice for the password of a new repository, and never shows it")
  func initialize() throws {
    let process = try start(["init", "-r", vault])
    #expect(try process.waits(for: "enter password for new repository: "))
    #expect(!process.echoes)
    try process.type("geheim\n")
    #expect(try process.waits(for: "enter password again: "))
    try process.type("geheim\n")
    #expect(try process.waits(for: "created restic repository"))
    #expect(try process.exitCode() == 0)
    #expect(process.echoes)
    #expect(!process.output.contains("geheim"))
  }

  @Test("two different passwords create no repository")
  func mismatch() throws {
    let process = try start(["init", "-r", vault])
    #expect(try process.waits(for: "new repository: "))
    try process.type("geheim\n")
    #expect(try process.waits(for: "again: "))
    try process.type("anders\n")
    #expect(try process.exitCode() == 1)
    #expect(process.output.contains("do not match"))
    #expect(access(vault, F_OK) != 0)
  }

  @Test("a wrong password may be corrected twice; then the exit code is 12")
  func tries() async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", vault])
    for _ in 0..<3 {
      #expect(try process.waits(for: "enter password for repository "))
      try process.type("falsch\n")
    }
    #expect(try process.exitCode() == 12)
    #expect(process.echoes)
  }

  /// A program that prompts on the terminal once its process group is in the foreground, and then becomes rclone.
  private func askingProgram() throws -> String {
    let program = directory.path.appending("asks")
    let text = """
      #!/bin/sh
      # The third and sixth fields after the name: the process group, and the one in the foreground.
      leads() { set -- $(sed 's/.*) //' /proc/$$/stat); [ "$3" = "$6" ]; }
      until leads; do sleep 0.05; done
      printf 'who? ' > /dev/tty
      read -r name < /dev/tty
      [ "$name" = bob ] || { echo "not you" >&2; exit 9; }
      exec rclone "$@"
      """
    let file = try FileDescriptor.open(
      program, .writeOnly, options: [.create, .closeOnExec], permissions: .ownerReadWriteExecute)
    try file.closeAfter { _ = try file.writeAll(Array("\(text)\n".utf8)) }
    return program.string
  }

  // L1 Until it answers, a program that serves the storage has the terminal; then it is ours again.
  @Test("the storage's program may prompt before the program asks for the password")
  func asking() async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", "rclone:\(vault)", "-o", "rclone.program=\(askingProgram())"])
    #expect(try process.waits(for: "who? "))
    try process.type("bob\n")
    #expect(try process.waits(for: "enter password for repository "))
    #expect(!process.echoes)
    try process.type("geheim\n")
    #expect(try process.exitCode() == 0, "\(process.output)")
  }

  @Test("Ctrl-C at that prompt ends the storage's program, and then this program, which does not start it again")
  func interruptedQuestion() async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", "rclone:\(vault)", "-o", "rclone.program=\(askingProgram())"])
    #expect(try process.waits(for: "who? "))
    try process.type("\u{3}")
    #expect(try process.exitCode() == 1)
    #expect(process.output.contains("rclone was interrupted"), "\(process.output)")
    #expect(process.output.ranges(of: "who?").count == 1, "\(process.output)")
  }

  @Test("the right password after a wrong one opens the repository")
  func secondTry() async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", vault])
    #expect(try process.waits(for: "enter password for repository "))
    try process.type("falsch\n")
    #expect(try process.waits(for: "enter password for repository "))
    try process.type("geheim\n")
    #expect(try process.waits(for: "0 snapshots"))
    #expect(try process.exitCode() == 0)
  }

  @Test("Ctrl-C at the prompt ends the program with 130 and turns echo on again")
  func interrupt() async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", vault])
    #expect(try process.waits(for: "enter password for repository "))
    try process.type("geh\u{3}")
    let code = try process.exitCode()
    #expect(code == 130)
    #expect(process.echoes)
  }

  @Test("signals reach the first thread only, also after git's credential helpers have run")
  func signalThread() async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", vault])
    #expect(try process.waits(for: "enter password for repository "))
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] {
      #expect(try process.threads(lettingThrough: signal) == [process.child])
    }
    #expect(kill(process.child, SIGINT) == 0)
    #expect(try process.exitCode() == 130)
    #expect(process.echoes)
  }

  @Test("Ctrl-C at the prompt of mount ends both of its processes with 130")
  func interruptMount() async throws {
    try await makeRepository()
    #expect(mkdir(mountpoint, 0o700) == 0)
    let process = try start(["mount", "-r", vault, mountpoint])
    #expect(try process.waits(for: "enter password for repository "))
    try process.type("\u{3}")
    #expect(try process.exitCode() == 130)
    #expect(process.echoes)
  }

  /// A repository whose only snapshot has a git repository with `count` branches.
  private func makeBranches(_ count: Int) async throws {
    let mount = try await TestMount(TestMount.makeRepository(on: LocalBackend(path: FilePath(vault))))
    try await mount.write(Array("ref: refs/heads/main\n".utf8), to: "HEAD")
    try await mount.write([], to: "objects/x")
    try await mount.write([], to: "refs/heads/x.lock")
    let id = String(repeating: "a", count: 40)
    try await mount.write(Array((1...count).map { "\(id) refs/heads/b\($0)\n" }.joined().utf8), to: "packed-refs")
    try await mount.commit()
  }

  // C18 As with git, the pager has the terminal until its user leaves it.
  @Test("Ctrl-C in the pager of log goes to the pager; the program ends after the pager, with 130")
  func interruptPager() async throws {
    // More than a pipe takes.
    try await makeBranches(3000)
    var environment = environment
    environment["RESTIC_PASSWORD"] = String(decoding: TestMount.password, as: UTF8.self)
    environment["GIT_PAGER"] =
      "trap '' INT; read first; echo \"shown: $first $LESS $LV\"; read key < /dev/tty; echo \"left with $key\""
    let process = try TerminalProcess(["log", "-r", vault], environment: environment)
    #expect(try process.waits(for: "created"))
    #expect(try process.waits(for: "FRX -c"))
    try process.type("\u{3}")
    try process.type("q\n")
    #expect(try process.waits(for: "left with q"), "\(process.output)")
    #expect(try process.exitCode() == 130)
  }

  @Test(
    "leaving the pager early ends log with 0; the user's own LESS counts; without a pager log prints directly")
  func pagers() async throws {
    try await makeBranches(3000)
    var environment = environment
    environment["RESTIC_PASSWORD"] = String(decoding: TestMount.password, as: UTF8.self)
    environment["LESS"] = "S"
    environment["GIT_PAGER"] = "read first; echo \"shown: $first $LESS\""
    let early = try TerminalProcess(["log", "-r", vault], environment: environment)
    #expect(try early.waits(for: "shown: "))
    #expect(try early.exitCode() == 0)
    #expect(early.output.contains("main S") || early.output.contains(" S\n"), "\(early.output)")
    for pager in ["", "cat", "no-such-pager-here"] {
      environment["GIT_PAGER"] = pager
      let plain = try TerminalProcess(["log", "-r", vault, "-n", "2"], environment: environment)
      #expect(try plain.exitCode() == 0, "\(plain.output)")
      if pager != "no-such-pager-here" { #expect(plain.output.split(separator: "\n").count == 2, "\(plain.output)") }
    }
  }

  @Test("a wrong mountpoint is refused before the program asks for the password")
  func mountpointFirst() async throws {
    try await makeRepository()
    let process = try start(["mount", "-r", vault, directory.path.appending("missing").string])
    #expect(try process.exitCode() == 1)
    #expect(process.output.contains("missing does not exist"))
    #expect(!process.output.contains("enter password"))
  }

  @Test("a missing repository is reported before the program asks for the password, with exit code 10")
  func repositoryFirst() throws {
    let process = try start(["snapshots", "-r", vault])
    #expect(try process.exitCode() == 10)
    #expect(!process.output.contains("enter password"))
  }

  @Test("an empty password is refused", arguments: ["\n", "\u{4}"])
  func empty(typed: String) async throws {
    try await makeRepository()
    let process = try start(["snapshots", "-r", vault])
    #expect(try process.waits(for: "enter password for repository "))
    try process.type(typed)
    #expect(try process.exitCode() == 1)
    #expect(process.echoes)
  }
}
