import FuseBridge
import Glibc
import Platform
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// U9: the figures of a mount, for Prometheus.
@Suite("A mount's figures for Prometheus")
struct MountMetricsTests {
  private func metrics(repository: String = "/srv/vault", mountpoint: String = "/mnt") -> MountMetrics {
    let status = MountStatus(
      repository: repository, mountpoint: mountpoint, pid: 1, sessionFile: nil, readOnly: false, snapshot: nil,
      ahead: nil,
      newer: nil, refreshing: nil, state: .dirty, dirtyBytes: 4096, dirtyFiles: 2, openForWriting: 0, lock: nil,
      lastCommit: nil, lastError: nil, refreshError: nil, repositories: nil, refused: nil, progress: nil, waiting: nil,
      version: "1.2")
    return MountMetrics(
      status, commits: CommitCounts(saved: 3, failed: 1, lastDuration: .milliseconds(1500)),
      lastSnapshot: Timestamp(seconds: 1_700_000_000, nanoseconds: 500_000_000), requests: [.read: 17],
      traffic: TrafficCounter().figures, memory: .standard, residentByteCount: 1 << 20)
  }

  @Test("follow the format, each with help and type")
  func format() throws {
    let text = try PrometheusText(metrics().text(isUp: true))
    #expect(text.values("restic_gitfs_up") == [1] && text.values("restic_gitfs_dirty_bytes") == [4096])
    #expect(
      text.values("restic_gitfs_commits_total") == [3] && text.values("restic_gitfs_commit_failures_total") == [1])
    #expect(text.values("restic_gitfs_last_commit_seconds") == [1.5])
    #expect(text.values("restic_gitfs_last_snapshot_timestamp_seconds") == [1_700_000_000.5])
    #expect(text.values("restic_gitfs_fuse_requests_total").count == FuseRequestKind.allCases.count)
    #expect(text.values("restic_gitfs_fuse_requests_total").reduce(0, +) == 17)
    #expect(try PrometheusText(metrics().text(isUp: false)).values("restic_gitfs_up") == [0])
  }

  @Test("have labels with escaped names")
  func labels() throws {
    let text = metrics(repository: "a\"b\\c\nd{}, e=\"f\"", mountpoint: "/m\u{7}\"} 1").text(isUp: true)
    #expect(try PrometheusText(text).values("restic_gitfs_up") == [1])
    #expect(text.contains(#"repository="a\"b\\c\nd{}, e=\"f\"""#))
  }

  @Test("count the requests of any number of threads")
  func counts() async {
    let counts = FuseRequestCounts()
    let names = Set(FuseRequestKind.allCases.map(\.name))
    #expect(names.count == FuseRequestKind.allCases.count && counts.figures.values.allSatisfy { $0 == 0 })
  }

  @Test("replace the file atomically, readable for all, and leave no other file")
  func file() throws {
    let folder = try TemporaryDirectory(prefix: "metrics")
    let path = folder.path.appending("vault.prom")
    for text in ["one\n", "two\n"] {
      try ReplacedFile.write(Array(text.utf8), to: path)
      #expect(try FileContent.load(path) == Array(text.utf8))
    }
    var attributes = stat()
    #expect(stat(path.string, &attributes) == 0 && attributes.st_mode & 0o777 == 0o644)
    #expect(try FolderNames.list(folder.path).map(\.string) == ["vault.prom"])
    #expect(throws: Errno.self) { try ReplacedFile.write([], to: folder.path.appending("none/x")) }
  }

  @Test("need a writable folder")
  func place() throws {
    #expect(throws: CommandError.self) { try MetricsFile.checked("/nowhere/vault.prom") }
    let folder = try TemporaryDirectory(prefix: "metrics")
    #expect(try MetricsFile.checked(folder.path.appending("x.prom").string) == folder.path.appending("x.prom"))
  }
}
