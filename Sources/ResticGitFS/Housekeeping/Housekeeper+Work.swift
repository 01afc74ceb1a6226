import Glibc
import Logging
import ResticCore
import SystemPackage

/// What one run does.
extension Housekeeper {
  /// How long one of git's programs may take that nobody has asked for. Beside one that hangs no prune of the restic repository
  /// begins.
  private static let longestStep = Duration.seconds(4 * 3600)
  private static let stopped = HousekeepingProcess.Failure(message: "stopped before its end", isStopped: true)
  /// How long a run waits until the kernel has forgotten what a refresh replaced.
  private static let refreshLimit = Duration.seconds(10)

  /// Looks, runs git, and commits. Throws where nothing was done; what failed of what was done is in `report`.
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
      // Another client has most likely just kept house. Done twice, the work would be stored twice.
      report.skipped.append("other clients have saved meanwhile")
      return
    }
    HousekeepingFolder.removeLeftovers()
    for subject in chosen where !isStopping { perform(steps(for: subject, occasion), on: subject, occasion, &report) }
    if isStopping, report.failure == nil { report.fail(Self.stopped.message) }
    // After a failure as well: what was done before is whole.
    guard occasion != .idle || wasClean, !isStopping else { return }
    do {
      report.snapshot = try commit()
    } catch {
      report.fail("\(error)")
    }
  }

  /// What git is to do in a repository.
  func steps(for subject: HousekeepingSubject, _ occasion: Occasion) -> [HousekeepingStep] {
    if occasion == .request { return HousekeepingStep.everything(subject.findings, subject.wishes) }
    guard let limits, subject.wishes.isAutomatic else { return [] }
    let own = subject.wishes.limits(limits).scaled(toPackedReferences: subject.findings.packedReferenceByteCount)
    let settled = state.withLock { $0.settled[subject.place.root] }
    guard own.areExceeded(by: subject.findings.counts, settled: settled) else { return [] }
    return HousekeepingStep.due(subject.findings, own, subject.wishes)
  }

  /// git reads through the kernel. What that has not forgotten yet may be older than what the survey sees: a prune that does not
  /// see a new reference takes for unreachable what the reference needs. Says whether the kernel has forgotten everything.
  private func waitForRefresh() -> Bool {
    let end = ContinuousClock.now.advanced(by: Self.refreshLimit)
    while tree.read({ $0.isRefreshing }) {
      guard !isStopping, .now < end else { return false }
      usleep(10_000)
    }
    return true
  }

  /// The repositories in which there is something to do, and in which git may do it. `report` says why others are left alone.
  private func choose(_ occasion: Occasion, _ report: inout HousekeepingReport) throws -> [HousekeepingSubject] {
    let search = try HousekeepingPlaces.find(on: tree, in: folder, known: false)
    if occasion == .request, let bound = search.bound { report.skipped.append(bound) }
    var chosen: [HousekeepingSubject] = []
    for place in search.places {
      let name = place.name
      let subject: HousekeepingSubject
      do throws(Errno) {
        subject = try .examine(place, of: files, occasion == .request ? .everything : .needed)
      } catch {
        report.fail("\(name.isEmpty ? "the repository" : name) cannot be read: \(error)")
        continue
      }
      if let obstacle = subject.findings.obstacle ?? (subject.folder == nil ? "its name is not UTF-8" : nil) {
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
    return chosen
  }

  /// Runs `steps`. Where one fails the others are for the next time, except that packing objects needs no packed references.
  private func perform(
    _ steps: [HousekeepingStep], on subject: HousekeepingSubject, _ occasion: Occasion,
    _ report: inout HousekeepingReport
  ) {
    let name = subject.folder ?? ""
    // Whatever comes of it: it is not tried again before there is more to do.
    defer { settle(subject.place) }
    do {
      let folder = try HousekeepingFolder.make(
        for: name.isEmpty ? mountpoint : "\(mountpoint)/\(name)", names: subject.names, head: subject.head,
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

  /// Notes what was left. Who was stopped has not tried.
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

  /// A mark that can't be removed is passed over once it is stale.
  private func giveBack(_ lock: HousekeepingLock) {
    do {
      try blocking { try await lock.release() }
    } catch {
      logger.warning("the mark for housekeeping is left behind: \(error)")
    }
  }
}
