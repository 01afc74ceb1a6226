import Glibc
import Logging
import ResticCore
import SystemPackage

/// The work of one run.
extension Housekeeper {
  /// The time limit for each git program that the mount starts by itself. While such a program hangs, no prune of the
  /// restic repository can begin.
  private static let longestStep = Duration.seconds(4 * 3600)
  private static let stopped = HousekeepingProcess.Failure(message: "stopped before its end", isStopped: true)
  /// How long a run waits until the kernel has dropped the cache entries that a refresh replaced.
  private static let refreshLimit = Duration.seconds(10)

  /// Examines the repositories, runs git, and commits. Throws if nothing was done; if some of the work failed, `report`
  /// says so.
  func work(_ occasion: Occasion, _ report: inout HousekeepingReport) throws {
    guard waitForRefresh() else {
      report.skipped.append("the kernel still shows an older snapshot")
      report.exitCode = HousekeepingReport.ExitStatus.locked
      return
    }
    let wasClean = coordinator.current.phase == .clean
    let chosen = try choose(occasion, &report)
    guard !chosen.isEmpty else { return }
    let repository = files.repository
    let lock = try blocking { try await HousekeepingLock.take(on: repository) }
    defer { giveBack(lock) }
    if occasion != .request, try blocking({ [coordinator] in try await !coordinator.isNewest() }) {
      // Another client has probably just run housekeeping. Doing the same work twice would store it twice.
      report.skipped.append("other clients have saved meanwhile")
      return
    }
    HousekeepingFolder.removeLeftovers()
    for subject in chosen where !isStopping { perform(steps(for: subject, occasion), on: subject, occasion, &report) }
    if isStopping, report.failure == nil { report.fail(Self.stopped.message) }
    // Also after a failure: what was done before it is complete.
    guard occasion != .idle || wasClean, !isStopping else { return }
    do {
      report.snapshot = try commit()
    } catch {
      report.fail("\(error)")
    }
  }

  /// The steps that git is to take in a repository.
  func steps(for subject: HousekeepingSubject, _ occasion: Occasion) -> [HousekeepingStep] {
    if occasion == .request { return HousekeepingStep.everything(subject.findings, subject.wishes) }
    guard let limits, subject.wishes.isAutomatic else { return [] }
    let own = subject.wishes.limits(limits).scaled(toPackedReferences: subject.findings.packedReferenceByteCount)
    let settled = state.withLock { $0.settled[subject.place.root] }
    guard own.areExceeded(by: subject.findings.counts, settled: settled) else { return [] }
    return HousekeepingStep.due(subject.findings, own, subject.wishes)
  }

  /// Waits until the kernel has dropped what a refresh replaced. git reads through the kernel, so it may see an older
  /// state than the survey does: a prune that does not see a new reference treats the objects that the reference needs
  /// as unreachable. Returns whether the kernel has dropped everything.
  private func waitForRefresh() -> Bool {
    let end = ContinuousClock.now.advanced(by: Self.refreshLimit)
    while tree.read({ $0.isRefreshing }) {
      guard !isStopping, .now < end else { return false }
      usleep(10_000)
    }
    return true
  }

  /// The repositories that need work and in which git may do it. `report` says why others are left alone.
  private func choose(_ occasion: Occasion, _ report: inout HousekeepingReport) throws -> [HousekeepingSubject] {
    let places: [HousekeepingPlaces.Place]
    if occasion == .request {
      let search = try HousekeepingPlaces.all(on: tree, in: folder)
      if let bound = search.bound { report.skipped.append(bound) }
      places = search.places
    } else {
      var turn = state.withLock { $0.turn }
      places = try turn.places(on: tree, in: folder)
      let next = turn
      state.withLock { $0.turn = next }
    }
    var chosen: [HousekeepingSubject] = []
    for place in places {
      let name = place.name
      let subject: HousekeepingSubject
      do throws(Errno) {
        subject = try .examine(place, of: files, occasion == .request ? .everything : .needed)
      } catch {
        report.fail("\(name.isEmpty ? "the repository" : name) cannot be read: \(error)")
        continue
      }
      if let obstacle = subject.findings.obstacle {
        if occasion == .request { report.fail("\(name.isEmpty ? "the repository" : name) is left alone: \(obstacle)") }
        continue
      }
      guard !steps(for: subject, occasion).isEmpty else { continue }
      if let busy = subject.findings.busy {
        report.skipped.append("git is at work\(name.isEmpty ? "" : " in \(name)") (\(busy))")
        if occasion == .request { report.exitCode = HousekeepingReport.ExitStatus.locked }
        continue
      }
      chosen.append(subject)
    }
    guard occasion != .request else { return chosen }
    let (now, later) = state.withLock { $0.turn.divide(chosen) { $0.place.path } }
    if !later.isEmpty {
      let names = later.prefix(3).map(\.place.name).joined(separator: ", ")
      report.skipped.append(
        "\(later.count) git repositories are left for the next run: \(names)\(later.count > 3 ? " …" : "")")
    }
    return now
  }

  /// Runs `steps`. If a step fails, the others wait for the next run, except that packing objects does not need packed
  /// references.
  private func perform(
    _ steps: [HousekeepingStep], on subject: HousekeepingSubject, _ occasion: Occasion,
    _ report: inout HousekeepingReport
  ) {
    let name = subject.place.text
    // Whatever the result: git does not try again until there is more to do.
    defer { settle(subject.place) }
    do {
      let folder = try HousekeepingFolder.make(
        for: mountpoint.appending(subject.place.path), names: subject.names, head: subject.head,
        configuration: subject.configuration)
      defer { folder.remove() }
      var done: [HousekeepingStep] = []
      for step in steps {
        do throws(HousekeepingProcess.Failure) {
          try perform(step, on: subject.place, folder, limit: occasion == .request ? nil : Self.longestStep)
          done.append(step)
        } catch {
          report.fail(error.message)
          if error.isStopped || step != .packReferences { break }
        }
      }
      guard !done.isEmpty else { return }
      let after = try RepositorySurvey.run(on: tree, at: subject.place.root, .needed).counts
      report.work.append(
        HousekeepingReport.Work(
          folder: name, steps: done.map(\.name), before: subject.findings.counts, after: after))
    } catch let failure as HousekeepingProcess.Failure {
      report.fail(failure.message)
    } catch {
      report.fail("\(error)")
    }
  }

  private func perform(
    _ step: HousekeepingStep, on place: HousekeepingPlaces.Place, _ folder: HousekeepingFolder, limit: Duration?
  ) throws(HousekeepingProcess.Failure) {
    let creations = state.withLock { $0.creations }
    var group: pid_t = 0
    do throws(HousekeepingProcess.Failure) {
      if isStopping { throw Self.stopped }
      creations?.begin()
      try HousekeepingProcess.run(step.arguments, on: folder, limit: limit, isStopping: { self.isStopping }) {
        process in
        group = process
        creations?.narrow(to: process)
      }
      _ = creations?.end()
    } catch {
      let leftovers = HousekeepingLeftovers(tree: tree, mountpoint: mountpoint)
      try HousekeepingProcess.remove(leftovers.paths(creations?.end() ?? [], of: group, in: place.root))
      throw error
    }
  }

  /// Notes what is left in the repository. A run that was stopped does not count as an attempt.
  private func settle(_ place: HousekeepingPlaces.Place) {
    guard !isStopping else { return }
    do {
      let counts = try RepositorySurvey.run(on: tree, at: place.root, .known).counts
      state.withLock { $0.settled[place.root] = counts }
    } catch {
      logger.notice("housekeeping cannot count what is left, and will look again: \(error)")
    }
  }

  private func commit() throws -> String? {
    let result = try blocking { [coordinator] in try await coordinator.commit(.sync) }
    guard case .saved(let saved, _) = result else { return nil }
    return saved.id.hex
  }

  /// Removes the mark. A mark that cannot be removed is ignored once it is stale.
  private func giveBack(_ lock: HousekeepingLock) {
    do {
      try blocking { try await lock.release() }
    } catch {
      logger.warning("the mark for housekeeping is left behind: \(error)")
    }
  }
}
