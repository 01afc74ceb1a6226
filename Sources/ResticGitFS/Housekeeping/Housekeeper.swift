import Dispatch
import Glibc
import Logging
import Platform
import ResticCore
import SystemPackage

/// Has git's own programs put the repositories of a mount in order: at most one run at a time, and one client at a time.
///
/// The programs are children of the process that serves the mount, and work on the mountpoint as any program does, while threads
/// of their own serve them. This process never touches the mount: what it wants to know it asks the tree.
///
/// In this order: look (`HousekeepingSubject`), take the mark (`HousekeepingLock`), see that nobody has saved meanwhile, run git
/// (`HousekeepingProcess`), clear away what a killed git has left (`HousekeepingLeftovers`), commit unless the mount's own next
/// commit does that. After a failure no program's end begins a run for a while (`HousekeepingBackoff`).
///
/// **A crash hurts nobody.** git makes a file whole before it removes what the file replaces, and what it has in flight is in no
/// snapshot, so every commit that comes in between holds a whole repository.
///
/// Lock order: `state` is a leaf lock. `isAtWork` is waited for with no lock held.
final class Housekeeper: Sendable {
  /// Why there is a run.
  enum Occasion: Hashable, Sendable {
    /// The mount has nothing else to do: what is due.
    case idle
    /// A program that the mount is for has done its work: what is due, and then the mount ends.
    case program
    /// Somebody asks: everything.
    case request
  }

  /// What belongs to all threads.
  struct State {
    var isRunning = false
    var isStopping = false
    /// No run begins before.
    var rest: ContinuousClock.Instant?
    /// The program that the mount was for is gone, or about to go.
    var isOnItsOwn = false
    var exitRequestCount = 0
    /// What was left in the repositories after the last run.
    var settled: [InodeNumber: RepositoryCounts] = [:]
    var creations: CreationRecord?
    var last: HousekeepingReport?
  }

  /// How long a run that is stopped is waited for: longer than `HousekeepingProcess` gives git.
  private static let stopLimit = DispatchTimeInterval.seconds(10)
  /// How long none begins after one was stopped.
  private static let restDuration = Duration.seconds(10)

  let files: FileReader
  let coordinator: CommitCoordinator
  let mountpoint: String
  /// The one repository in question; nil: all that are found.
  let folder: [Name]?
  /// Nil: only when somebody asks.
  let limits: HousekeepingLimits?
  let logger: Logger
  private let backoff: HousekeepingBackoff
  let state = Locked(State())
  private let isAtWork = DispatchGroup()

  var tree: WorkingTree { files.tree }

  /// A housekeeper for the mount at `mountpoint`.
  init(
    files: FileReader, coordinator: CommitCoordinator, mountpoint: FilePath, folder: [Name]?,
    limits: HousekeepingLimits?, logger: Logger
  ) {
    self.files = files
    self.coordinator = coordinator
    self.mountpoint = mountpoint.string
    self.folder = folder
    self.limits = limits
    self.logger = logger
    backoff = HousekeepingBackoff(of: files.repository)
  }

  /// The mount is there, and notes in `creations` what is made on it.
  func attach(_ creations: CreationRecord) {
    state.withLock { $0.creations = creations }
  }

  /// Whether a run is under way.
  var isRunning: Bool { state.withLock { $0.isRunning } }

  /// What the last run came to that had something to do.
  var last: HousekeepingReport? { state.withLock { $0.last } }

  // MARK: Beginning and ending

  /// Whether something is due, by what is in memory: asks no storage, but for a configuration that git has not read. What cannot
  /// be read now is not due, and the log says so.
  var isDue: Bool {
    guard limits != nil else { return false }
    do throws(Errno) {
      for place in try HousekeepingPlaces.find(on: tree, in: folder, known: true).places {
        let subject = try HousekeepingSubject.examine(place, of: files, .known)
        if !steps(for: subject, .idle).isEmpty { return true }
      }
    } catch {
      logger.notice("nobody can say whether housekeeping is due: \(error)")
    }
    return false
  }

  /// For a program that the mount was for, and that needs it no more: if something is due, begins a run on a thread of its own,
  /// after which `end` is called, and says so. The end of the program does not end the mount then (`goesOn`).
  func begin(then end: @escaping @Sendable () -> Void) -> Bool {
    // What was refused, or could not be saved, is to be dropped with the mount.
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

  /// Whether a request to end the mount is that of the program which has left it to a run: the first one after `begin`. Whoever
  /// asks again means it.
  func goesOn() -> Bool {
    state.withLock { state in
      guard state.isOnItsOwn, !state.isStopping else { return false }
      state.exitRequestCount += 1
      return state.exitRequestCount == 1
    }
  }

  /// Ends a run that is under way, and lets none begin for a while. Waits until git is gone, but not for ever.
  func stop() {
    state.withLock { state in
      state.isStopping = state.isRunning
      state.rest = .now + Self.restDuration
    }
    if isAtWork.wait(timeout: .now() + Self.stopLimit) == .timedOut {
      logger.warning("housekeeping does not end")
    }
  }

  /// Puts in order what there is to put in order, and says what was done. Blocks a plain thread, which serves no request.
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

  /// Whether the run that is under way is to end.
  var isStopping: Bool { state.withLock { $0.isStopping } }
}

extension HousekeepingReport {
  /// Notes a failure; the others stay.
  mutating func fail(_ message: String) {
    failure = failure.map { "\($0); \(message)" } ?? message
    exitCode = ExitStatus.failed
  }
}
