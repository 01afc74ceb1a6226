import NamedRepositories
import SystemPackage
import Testing

@testable import ResticGitFS

/// U4, U5: the doctor's verdicts about a machine.
@Suite("The doctor's verdicts about a machine")
struct MachineChecksTests {
  private var healthy: MachineFacts {
    var facts = MachineFacts()
    facts.mounting = MountingFacts(helper: "/usr/bin/fusermount3", helperIsPrivileged: true, allowsOther: true)
    facts.git = .version("/usr/bin/git", "git version 2.39.5")
    facts.version = "0.1.0"
    facts.helper = .version("/usr/bin/git-remote-restic", "git-remote-restic 0.1.0")
    facts.credentialHelpers = ["cache --timeout=3600", "!secret --token=x"]
    facts.state = .writable("/home/me/.local/state/restic-gitfs")
    facts.cache = .writable("/home/me/.cache/restic")
    return facts
  }

  private func check(_ name: String, _ change: (inout MachineFacts) -> Void) -> DoctorCheck? {
    var facts = healthy
    change(&facts)
    return MachineChecks.checks(facts).first { $0.name == name }
  }

  @Test("a healthy machine: every line is ok, none has advice")
  func health() {
    let checks = MachineChecks.checks(healthy)
    #expect(checks.allSatisfy { $0.verdict == .ok && $0.advice == nil })
    #expect(DoctorReport(checks: checks).isHealthy && DoctorReport(checks: checks).summary == "all is well")
    #expect(checks.contains { $0.line == "ok       git                /usr/bin/git, git version 2.39.5" })
    // Of a helper that is a command only the first word is shown.
    #expect(checks.contains { $0.message == "cache, !secret" })
  }

  @Test("a problem that has to be fixed is a failure with advice")
  func failures() {
    let failures: [(String, (inout MachineFacts) -> Void, String)] = [
      ("/dev/fuse", { $0.mounting.hasDevice = false }, "modprobe fuse"),
      (
        "/dev/fuse",
        {
          $0.mounting.deviceError = .permissionDenied; $0.mounting.isRoot = true
        }, "--device /dev/fuse"
      ),
      ("/dev/fuse", { $0.mounting.deviceError = .ioError }, "--device /dev/fuse"),
      ("fusermount3", { $0.mounting.helper = nil }, "package fuse3"),
      ("fusermount3", { $0.mounting.helperIsPrivileged = false }, "package fuse3"),
      ("git", { $0.git = .missing }, "package git"), ("git", { $0.git = .silent("/usr/bin/git") }, "git --version"),
      ("mounts", { $0.mountTableError = "No such file or directory" }, "/proc"),
      ("state folder", { $0.state = .missing }, "XDG_STATE_HOME"),
      ("state folder", { $0.state = .refused("/home", .permissionDenied) }, "XDG_STATE_HOME"),
    ]
    for (name, change, advice) in failures {
      let check = check(name, change)
      #expect(check?.verdict == .fail && check?.advice?.contains(advice) == true, "\(name)")
      #expect(check?.line.hasPrefix("FAIL     ") == true)
    }
  }

  @Test("a possible problem is a warning with advice")
  func warnings() {
    let warnings: [(String, (inout MachineFacts) -> Void, String)] = [
      (
        "fusermount3",
        {
          $0.mounting.helper = nil; $0.mounting.isRoot = true
        }, "package fuse3"
      ),
      ("git-remote-restic", { $0.helper = .missing }, "PATH"),
      ("git-remote-restic", { $0.helper = .version("/x", "git-remote-restic 0.0.9") }, "both from one place"),
      ("credential helper", { $0.missingHelpers = ["git-credential-none"] }, "credential.helper"),
      ("cache folder", { $0.cache = .missing }, "RESTIC_CACHE_DIR"),
      ("cache folder", { $0.cache = .refused("/", .readOnlyFileSystem) }, "RESTIC_CACHE_DIR"),
      ("mounts", { $0.deadMounts = ["/mnt/a b"] }, "umount '/mnt/a b'"),
      ("mounts", { $0.silentMounts = ["/mnt/a b"] }, "umount --discard '/mnt/a b'"),
      ("sessions", { $0.sessionError = .permissionDenied }, "ls -lR"),
      ("sessions", { $0.leftovers = ["/state/x.json"] }, "snapshots"),
    ]
    for (name, change, advice) in warnings {
      let check = check(name, change)
      #expect(check?.verdict == .warning && check?.advice?.contains(advice) == true, "\(name)")
    }
  }

  @Test("a device that only fusermount3 may open is not a problem for an ordinary user")
  func ordinaryUser() {
    #expect(check("/dev/fuse") { $0.mounting.deviceError = .permissionDenied }?.verdict == .ok)
    #expect(check("user_allow_other") { $0.mounting.allowsOther = false }?.verdict == .ok)
  }

  @Test("names that other people have chosen cannot steer a terminal")
  func printable() {
    let line = check("git") { $0.git = .version("/usr/bin/git", "git\u{1B}[2J\nversion") }?.line ?? ""
    #expect(!line.contains("\u{1B}") && !line.contains("\n"))
  }

  @Test("JSON has the same content")
  func json() {
    let report = DoctorReport(checks: [.fail("git", "is not on PATH", advice: "install it"), .ok("x", "y")])
    #expect(
      report.json.hasPrefix(
        #"{"checks":[{"advice":"install it","message":"is not on PATH","name":"git","verdict":"fail"}"#))
    #expect(report.json.contains(#""ok":false"#) && !report.isHealthy && report.summary == "1 failure, 0 warnings")
  }
}
