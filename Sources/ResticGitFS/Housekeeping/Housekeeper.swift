import Dispatch
import Glibc
import Logging
import Platform
import ResticCore
import SystemPackage

/// Runs git's own maintenance programs on the repositories of a mount: at most one run at a time, and by one client at
/// a time.
///
/// The programs are children of the process that serves the mount. They work on the mountpoint as any program does,
/// while threads of their own serve them. The serving process never touches the mount: it reads from the tree instead.
///
/// The order is: examine the repositories (`HousekeepingSubject`), take the mark (`HousekeepingLock`), check that no
/// other client has saved meanwhile, run git (`HousekeepingProcess`), remove what a killed git has left
/// (`HousekeepingLeftovers`), and commit, unless the mount's own next commit does that. For a while after a failure,
/// the end of a program begins no run (`HousekeepingBackoff`).
///
/// **A crash loses nothing.** git completes a file before it removes the files that the new one replaces, and files
/// that git has in flight are in no snapshot. So every commit during a run holds a complete repository.
///
/// Lock order: `state` is a leaf lock. No lock is held while waiting for `isAtWork`.
final class Housekeeper: Sendable {
  /// The reason for a run.
  enum Occasion: Hashable, Sendable {
    /// The mount is idle: the run does what is due.
    case idle
    /// The program that the mount is for has finished: the run does what is due, and then the mount ends.
    case program
    /// The user asked for the run: it does everything.
    case request
  }

  /// The state that threads share.
  struct State {
    var isRunning = false
    var isStopping = false
    /// No run begins before this time.
    var rest: ContinuousClock.Instant?
    /// The program that the mount was for has ended or is about to end.
    var isOnItsOwn = false
    var exitRequestCount = 0
    /// What was left in the repositories after the last run.
    var settled: [InodeNumber: RepositoryCounts] = [:]
    /// Where the next run goes on.
    var turn = HousekeepingTurn()
    var creations: CreationRecord?
    var last: HousekeepingReport?
  }

  /// How long to wait for a run that was stopped: longer than the time that `HousekeepingProcess` gives git to end.
  private static let stopLimit = DispatchTimeInterval.seconds(10)
  /// How long no run begins after one was stopped.
  private static let restDuration = Duration.seconds(10)

  let files: FileReader
  let coordinator: CommitCoordinator
  let mountpoint: FilePath
  /// The only repository to maintain; nil: all that are found.
  let folder: [Name]?
  /// Nil: runs begin only on request.
  let limits: HousekeepingLimits?
  let logger: Logger
  private let backoff: HousekeepingBackoff
  let state = Locked(State())
  private let isAtWork = DispatchGroup()

  var tree: WorkingTree { files.tree }

  /// Creates a housekeeper for the mount at `mountpoint`.
  init(
    files: FileReader, coordinator: CommitCoordinator, mountpoint: FilePath, folder: [Name]?,
    limits: HousekeepingLimits?, logger: Logger
  ) {
    self.files = files
    self.coordinator = coordinator
    self.mountpoint = mountpoint
    self.folder = folder
    self.limits = limits
    self.logger = logger
    backoff = HousekeepingBackoff(of: files.repository)
  }

  /// Tells the housekeeper that the mount is ready, and notes the files created on it in `creations`.
  func attach(_ creations: CreationRecord) {
    state.withLock { $0.creations = creations }
  }

  /// Whether a run is under way.
  var isRunning: Bool { state.withLock { $0.isRunning } }

  /// The report of the last run that had work to do.
  var last: HousekeepingReport? { state.withLock { $0.last } }

  // MARK: Beginning and ending

  /// Whether work is due, judging by what is in memory. Reads nothing from the storage, except for a configuration that
  /// git has not read. If something cannot be read, no work is due, and the log says so.
  var isDue: Bool {
    guard limits != nil else { return false }
    do throws(Errno) {
      for place in try HousekeepingPlaces.known(on: tree, in: folder) {
        let subject = try HousekeepingSubject.examine(place, of: files, .known)
        if !steps(for: subject, .idle).isEmpty { return true }
      }
    } catch {
      logger.notice("nobody can say whether housekeeping is due: \(error)")
    }
    return false
  }

  /// Called when the program that the mount was for no longer needs it. If work is due, begins a run on a thread of its
  /// own, calls `end` after it, and returns true. The end of the program then does not end the mount (`goesOn`).
  func begin(then end: @escaping @Sendable () -> Void) -> Bool {
    // Changes that were refused or could not be saved must be dropped with the mount.
    let current = coordinator.current
    guard current.phase == .clean, current.lastError == nil, !current.isInDoubt, !tree.read({ $0.isChanged }), isDue,
      backoff.isOver(at: .now())
    else { return false }
    state.withLock { ($0.isOnItsOwn, $0.exitRequestCount) = (true, 0) }
    do throws(Errno) {
      try PlainThread.start { [self] in
        _ = run(.program)
        state.withLock { $0.isOnItsOwn = false }
        end()
      }
      return true
    } catch {
      state.withLock { $0.isOnItsOwn = false }
      return false
    }
  }

  /// Whether a request to end the mount comes from the program that left the mount to a run: that is the first request
  /// after `begin`. A second request ends the mount.
  func goesOn() -> Bool {
    state.withLock { state in
      guard state.isOnItsOwn, !state.isStopping else { return false }
      state.exitRequestCount += 1
      return state.exitRequestCount == 1
    }
  }

  /// Stops a run that is under way, and lets no run begin for a while. Waits until git has ended, but only for a
  /// limited time.
  func stop() {
    state.withLock { state in
      state.isStopping = state.isRunning
      state.rest = .now + Self.restDuration
    }
    if isAtWork.wait(timeout: .now() + Self.stopLimit) == .timedOut {
      logger.warning("housekeeping does not end")
    }
  }

  /// Does the maintenance that `occasion` calls for, and returns a report. Blocks its thread, which must be a plain
  /// thread that serves no request.
  func run(_ occasion: Occasion) -> HousekeepingReport {
    let isFree = state.withLock { state in
      guard !state.isRunning, occasion == .request || state.rest.map({ $0 <= .now }) ?? true else { return false }
      state.isRunning = true
      isAtWork.enter()
      return true
    }
    guard isFree else {
      return HousekeepingReport(
        skipped: ["housekeeping is under way on this mount"], exitCode: HousekeepingReport.ExitStatus.locked)
    }
    let start = ContinuousClock.now
    coordinator.holdRefresh(true)
    var report = HousekeepingReport()
    do {
      try work(occasion, &report)
    } catch RepositoryError.locked(let message) {
      report.skipped.append(message)
      report.exitCode = HousekeepingReport.ExitStatus.locked
    } catch {
      report.fail("\(error)")
    }
    coordinator.holdRefresh(false)
    if report.failure == nil {
      if !report.work.isEmpty { backoff.noteSuccess() }
    } else if occasion == .program, !isStopping {
      backoff.noteFailure(at: .now())
    }
    let time = start.duration(to: .now).components
    report.seconds = Double(time.seconds) + Double(time.attoseconds / 1_000_000_000_000_000) / 1000
    let isWorthALine = !report.work.isEmpty || !report.skipped.isEmpty || report.failure != nil
    if isWorthALine {
      logger.log(
        level: report.failure == nil ? .info : .warning, "housekeeping: \(report.text), in \(report.seconds) s")
    }
    let result = report
    state.withLock { state in
      if isWorthALine { state.last = result }
      (state.isRunning, state.isStopping) = (false, false)
    }
    isAtWork.leave()
    return report
  }

  /// Whether the current run is to stop.
  var isStopping: Bool { state.withLock { $0.isStopping } }
}

extension HousekeepingReport {
  /// Notes a failure; earlier failures stay.
  mutating func fail(_ message: String) {
    failure = failure.map { "\($0); \(message)" } ?? message
    exitCode = ExitStatus.failed
  }
}
