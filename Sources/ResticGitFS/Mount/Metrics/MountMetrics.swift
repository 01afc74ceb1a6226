import FuseBridge
import ResticCore

/// The metrics of one mount, for Prometheus.
struct MountMetrics: Sendable {
  /// The mount's status.
  let status: MountStatus
  /// The results of its commits.
  let commits: CommitCounts
  /// The time of the shown snapshot; nil before the first.
  let lastSnapshot: Timestamp?
  /// How many requests the kernel has made.
  let requests: [FuseRequestKind: UInt64]
  /// The traffic between the process and the storage.
  let traffic: TrafficCounter.Figures
  /// How much memory the mount may use.
  let memory: MemoryBudget
  /// Memory of the process in bytes; nil if the system does not tell.
  let residentByteCount: Int?

  /// The metrics of the mount with `status`.
  init(
    _ status: MountStatus, commits: CommitCounts, lastSnapshot: Timestamp?, requests: [FuseRequestKind: UInt64],
    traffic: TrafficCounter.Figures, memory: MemoryBudget, residentByteCount: Int? = ResidentMemory.byteCount()
  ) {
    self.status = status
    self.commits = commits
    self.lastSnapshot = lastSnapshot
    self.requests = requests
    self.traffic = traffic
    self.memory = memory
    self.residentByteCount = residentByteCount
  }

  /// The whole text of the file. `isUp`: whether the mount is still served.
  func text(isUp: Bool) -> String {
    metrics(isUp: isUp).map(\.text).joined()
  }

  private func metrics(isUp: Bool) -> [PrometheusMetric] {
    let all: [PrometheusMetric?] = [
      gauge("up", "Whether the mount is served: 0 once it has ended.", isUp ? 1 : 0),
      PrometheusMetric(
        name: "restic_gitfs_info", kind: .gauge, help: "What serves the mount; always 1.",
        samples: [sample(1, [("version", status.version)])]),
      gauge("dirty_bytes", "Bytes written that are in no snapshot and in memory only.", Double(status.dirtyBytes)),
      gauge("dirty_files", "Files with bytes that are in no snapshot and in memory only.", Double(status.dirtyFiles)),
      lastSnapshot.map {
        gauge("last_snapshot_timestamp_seconds", "The time of the snapshot that the mount shows.", Self.seconds($0))
      },
      counter("commits_total", "Commits that made a snapshot.", commits.saved),
      counter("commit_failures_total", "Commits that failed.", commits.failed),
      commits.lastDuration.map {
        gauge("last_commit_seconds", "How long the last commit that made a snapshot took.", $0 / .seconds(1))
      },
      gauge("last_commit_failed", "Whether the last commit failed.", status.lastError == nil ? 0 : 1),
      gauge("waiting", "Whether the mount waits for a lock or for the storage.", status.waiting == nil ? 0 : 1),
      PrometheusMetric(
        name: "restic_gitfs_fuse_requests_total", kind: .counter, help: "Requests of the kernel, by kind.",
        samples: FuseRequestKind.allCases.map { sample(Double(requests[$0] ?? 0), [("kind", $0.name)]) }),
      counter("cache_hits_total", "Loads that the cache on disk answered.", traffic.cacheHits),
      counter("cache_misses_total", "Loads that went to the storage instead of the cache.", traffic.cacheMisses),
      counter("sent_bytes_total", "Bytes of files that the storage took.", traffic.sentByteCount),
      counter("received_bytes_total", "Bytes of files that the storage gave.", traffic.receivedByteCount),
      residentByteCount.map { gauge("resident_memory_bytes", "Memory of the serving process.", Double($0)) },
      gauge("memory_limit_bytes", "The mount's --memory-limit.", Double(memory.byteLimit)),
    ]
    return all.compactMap(\.self)
  }

  private func gauge(_ name: String, _ help: String, _ value: Double) -> PrometheusMetric {
    PrometheusMetric(name: "restic_gitfs_\(name)", kind: .gauge, help: help, samples: [sample(value)])
  }

  private func counter(_ name: String, _ help: String, _ value: UInt64) -> PrometheusMetric {
    PrometheusMetric(name: "restic_gitfs_\(name)", kind: .counter, help: help, samples: [sample(Double(value))])
  }

  private func sample(_ value: Double, _ labels: [(String, String)] = []) -> PrometheusMetric.Sample {
    let own = [("repository", status.repository), ("mountpoint", status.mountpoint)]
    return PrometheusMetric.Sample(labels: (own + labels).map { (name: $0.0, value: $0.1) }, value: value)
  }

  private static func seconds(_ time: Timestamp) -> Double {
    Double(time.seconds) + Double(time.nanoseconds) / 1e9
  }
}
