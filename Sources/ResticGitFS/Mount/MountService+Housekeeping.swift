import Dispatch
import FoundationEssentials
import Platform
import ResticCore
import SystemPackage

/// Putting git repositories in order, as the mount's part in it.
extension MountService {
  /// The timer for a mount that people use; a program asks when it is done.
  func makeHousekeepingTimer() -> HousekeepingTimer? {
    guard let housekeeper, configuration.housekeeping != nil, !configuration.isForOneProgram else { return nil }
    return HousekeepingTimer(after: configuration.housekeepingQuiet, coordinator: coordinator, housekeeper: housekeeper)
  }

  /// Begins housekeeping if it is due, and returns whether it began: the mount then ends by itself, and the program
  /// need not wait.
  func beginHousekeeping() -> Bool {
    guard let housekeeper, housekeeper.begin(then: { [weak self] in self?.requestExit() }) else { return false }
    leaveProgram()
    return true
  }

  /// Does all housekeeping now, on a thread of its own, and waits. Nil on a read-only mount, and if the caller gave up:
  /// git is stopped then.
  func maintain() -> HousekeepingReport? {
    guard let housekeeper else { return nil }
    let done = DispatchSemaphore(value: 0)
    let box = ReportBox()
    do throws(Errno) {
      try PlainThread.start {
        let result = housekeeper.run(.request)
        box.report.withLock { $0 = result }
        done.signal()
      }
    } catch {
      return nil
    }
    guard waitUnlessInterrupted(for: done) else {
      housekeeper.stop()
      return nil
    }
    return box.report.withLock { $0 }
  }

  /// Nothing works on the mount from now on, for a while.
  func rest() -> [UInt8] {
    housekeeper?.stop()
    return Array("resting".utf8)
  }
}

/// Carries a report from one thread to another.
private final class ReportBox: Sendable {
  let report = Locked<HousekeepingReport?>(nil)
}

extension HousekeepingReport {
  /// The report as the value of an extended attribute: a JSON object.
  var attribute: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(self))
    } catch {
      preconditionFailure("plain values can be encoded: \(error)")
    }
  }
}
