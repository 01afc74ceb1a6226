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

  private struct State {
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

  private let files: FileReader
  private let coordinator: CommitCoordinator
  private let mountpoint: String
  /// The one repository in question; nil: all that are found.
  private let folder: [Name]?
  /// Nil: only when somebody asks.
  private let limits: HousekeepingLimits?
  private let logger: Logger
  private let backoff: HousekeepingBackoff
  private let state = Locked(State())
  private let isAtWork = DispatchGroup()

  private var tree: WorkingTree { files.tree }

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

  /// Whether something is due, by what is in memory: asks no storage, but for a configuration that git has not read.
  var isDue: Bool {
    guard limits != nil else { return false }
    // What can't be read now is not due.
    let places = (try? HousekeepingPlaces.find(on: tree, in: folder, known: true)) ?? []
    return places.contains { place in
      guard let subject = try? HousekeepingSubject.examine(place, of: files, .known) else { return false }
      return !steps(for: subject, .idle).isEmpty
    }
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
    } catch let failure as HousekeepingProcess.Failure {
      report.fail(failure.message)
    } catch RepositoryError.locked(let message) {
      report.skipped.append(message)
      report.exitCode = HousekeepingReport.ExitStatus.locked
    } catch {
      report.fail("\(error)")
    }
    coordinator.holdRefresh(false)
    if report.failure == nil {
      if !report.work.isEmpty { backoff.noteSuccess() }
    } else if !isStopping {
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

  private var isStopping: Bool { state.withLock { $0.isStopping } }

  // MARK: Work

  private func work(_ occasion: Occasion, _ report: inout HousekeepingReport) throws {
    let wasClean = coordinator.current.phase == .clean
    let subjects = try HousekeepingPlaces.find(on: tree, in: folder, known: false).map {
      try HousekeepingSubject.examine($0, of: files, occasion == .request ? .everything : .needed)
    }
    let chosen = subjects.filter { subject in
      let name = subject.folder ?? ""
      if let obstacle = subject.findings.obstacle {
        if occasion == .request { report.fail("\(name.isEmpty ? "the repository" : name) is left alone: \(obstacle)") }
        return false
      }
      guard !steps(for: subject, occasion).isEmpty, subject.folder != nil else { return false }
      if let busy = subject.findings.busy {
        report.skipped.append("git is at work\(name.isEmpty ? "" : " in \(name)") (\(busy))")
        if occasion == .request { report.exitCode = HousekeepingReport.ExitStatus.locked }
        return false
      }
      return true
    }
    guard !chosen.isEmpty else { return }
    let repository = files.repository
    let lock = try blocking { try await HousekeepingLock.take(on: repository) }
    defer { giveBack(lock) }
    if occasion != .request, try blocking({ [coordinator] in try await !coordinator.isNewest() }) {
      // Most likely another client has just kept house: done twice, the work would be stored twice.
      report.skipped.append("other clients have saved meanwhile")
      return
    }
    HousekeepingFolder.removeLeftovers()

    var failure: (any Error)?
    do {
      for subject in chosen { report.work.append(try perform(steps(for: subject, occasion), on: subject)) }
    } catch {
      // What was done before is whole, and goes into the snapshot.
      failure = error
    }
    if occasion != .idle || wasClean, !isStopping { report.snapshot = try commit() }
    if let failure { throw failure }
  }

  private func steps(for subject: HousekeepingSubject, _ occasion: Occasion) -> [HousekeepingStep] {
    if occasion == .request { return HousekeepingStep.everything(subject.findings, subject.wishes) }
    guard let limits, subject.wishes.isAutomatic else { return [] }
    let own = subject.wishes.limits(limits).scaled(toPackedReferences: subject.findings.packedReferenceByteCount)
    let settled = state.withLock { $0.settled[subject.place.root] }
    guard own.areExceeded(by: subject.findings.counts, settled: settled) else { return [] }
    return HousekeepingStep.due(subject.findings, own, subject.wishes)
  }

  private func perform(
    _ steps: [HousekeepingStep], on subject: HousekeepingSubject
  ) throws -> HousekeepingReport.Work {
    let name = subject.folder ?? ""
    let folder = try HousekeepingFolder.make(
      for: name.isEmpty ? mountpoint : "\(mountpoint)/\(name)", names: subject.names, head: subject.head,
      configuration: subject.configuration)
    defer { folder.remove() }
    // Whatever comes of it: it is not tried again before there is more to do.
    defer { settle(subject.place) }
    for step in steps { try perform(step, on: subject.place, folder) }
    let after = try RepositorySurvey.run(on: tree, at: subject.place.root, .needed).counts
    return HousekeepingReport.Work(
      folder: name, steps: steps.map(\.name), before: subject.findings.counts, after: after)
  }

  private func perform(
    _ step: HousekeepingStep, on place: HousekeepingPlaces.Place, _ folder: HousekeepingFolder
  ) throws(HousekeepingProcess.Failure) {
    let creations = state.withLock { $0.creations }
    var group: pid_t = 0
    do throws(HousekeepingProcess.Failure) {
      if isStopping { throw HousekeepingProcess.Failure(message: "stopped before its end", isStopped: true) }
      try HousekeepingProcess.run(step.arguments, on: folder, isStopping: { self.isStopping }) { process in
        group = process
        creations?.begin(process)
      }
      _ = creations?.end()
    } catch {
      let leftovers = HousekeepingLeftovers(tree: tree, mountpoint: mountpoint)
      try HousekeepingProcess.remove(leftovers.paths(creations?.end() ?? [], of: group, in: place.root))
      throw error
    }
  }

  private func settle(_ place: HousekeepingPlaces.Place) {
    // Where it can't be counted the next look will tell. Who was stopped has not tried.
    guard !isStopping, let counts = try? RepositorySurvey.run(on: tree, at: place.root, .known).counts else { return }
    state.withLock { $0.settled[place.root] = counts }
  }

  private func commit() throws -> String? {
    let result = try blocking { [coordinator] in try await coordinator.commit(.sync) }
    guard case .saved(let saved, _) = result else { return nil }
    return saved.id.hex
  }

  /// A mark that can't be removed is passed over once it is stale.
  private func giveBack(_ lock: HousekeepingLock) {
    do {
      try blocking { try await lock.release() }
    } catch {
      logger.warning("the mark for housekeeping is left behind: \(error)")
    }
  }
}

extension HousekeepingReport {
  fileprivate mutating func fail(_ message: String) {
    failure = failure.map { "\($0); \(message)" } ?? message
    exitCode = ExitStatus.failed
  }
}
