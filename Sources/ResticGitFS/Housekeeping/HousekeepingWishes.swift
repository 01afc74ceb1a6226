import ResticCore

/// What the stored configuration of a git repository says about housekeeping. Its own variables are
///
///     [restic]
///       maintenance = true              # or false: never, but by `restic-gitfs maintain`
///       maintenancePackfiles = 20       # and maintenanceReferences, maintenanceObjects
///
/// Where there is no `restic.maintenance`, git's settings count: `gc.auto`, `maintenance.auto` and `receive.autogc` may turn it
/// off, `gc.auto` and `gc.autoPackLimit` say from when on.
struct HousekeepingWishes: Hashable, Sendable {
  /// Whether it is done without being asked for.
  private(set) var isAutomatic = true
  /// Limits that take the place of the mount's.
  private(set) var packfiles: Int?
  private(set) var looseReferences: Int?
  private(set) var looseObjects: Int?
  /// Whether references are packed (`gc.packRefs`).
  private(set) var packsReferences = true
  /// Whether a commit-graph is written (`gc.writeCommitGraph`, `core.commitGraph`).
  private(set) var writesCommitGraph = true
  /// Whether no object may be deleted (`extensions.preciousObjects`).
  private(set) var keepsAllObjects = false
  /// How old an unreachable object is at least when it is removed (`gc.pruneExpire`).
  private(set) var expiry = Self.standardExpiry

  /// git's own. Source: git-config(1), gc.pruneExpire.
  private static let standardExpiry = "2.weeks.ago"
  /// The least of `gc.pruneExpire`: a push to the mount may have stored objects that no reference names yet.
  private static let leastExpiry = "1.hour.ago"

  /// Nothing in particular.
  init() {}

  /// What `entries` say; the last value of each variable counts. Values that git would refuse count as not there.
  init(_ entries: [GitConfigurationText.Entry]) {
    var last: [String: String?] = [:]
    for entry in entries where entry.subsection == nil { last["\(entry.section).\(entry.key)"] = .some(entry.value) }
    func shown(_ name: String, _ kind: SafeVariable.Kind) -> String? {
      last[name].flatMap { SafeVariable.shown($0, as: kind) }
    }
    func flag(_ name: String) -> Bool? { shown(name, .boolean).map { $0 == "true" } }
    func number(_ name: String, _ range: ClosedRange<Int>) -> Int? { shown(name, .number(range)).flatMap { Int($0) } }

    let never = HousekeepingLimits.range.upperBound
    if let own = flag("restic.maintenance") {
      isAutomatic = own
    } else {
      let gc = number("gc.auto", 0...never)
      isAutomatic = gc != 0 && flag("maintenance.auto") != false && flag("receive.autogc") != false
      looseObjects = gc.map { max($0, HousekeepingLimits.range.lowerBound) }
      packfiles = number("gc.autopacklimit", 0...never).map {
        $0 == 0 ? never : max($0, HousekeepingLimits.range.lowerBound)
      }
    }
    packfiles = number("restic.maintenancepackfiles", HousekeepingLimits.range) ?? packfiles
    looseReferences = number("restic.maintenancereferences", HousekeepingLimits.range)
    looseObjects = number("restic.maintenanceobjects", HousekeepingLimits.range) ?? looseObjects
    keepsAllObjects = flag("extensions.preciousobjects") == true
    // Source: git-config(1), gc.packRefs.
    let packing = shown("gc.packrefs", .booleanOr(["notbare"]))
    packsReferences = packing != "false" && (packing != "notbare" || flag("core.bare") == false)
    writesCommitGraph = flag("gc.writecommitgraph") != false && flag("core.commitgraph") != false
    if let text = shown("gc.pruneexpire", .date), !text.isEmpty {
      expiry = Self.isWithinAnHour(text) ? Self.leastExpiry : text
    }
  }

  /// Whether `text` spells a time of the last hour in git's words: `now`, `all`, or some seconds or minutes.
  private static func isWithinAnHour(_ text: String) -> Bool {
    let words = text.lowercased().split { !$0.isLetter }
    return words.contains { $0 == "now" || $0 == "all" || $0.hasPrefix("second") || $0.hasPrefix("minute") }
  }

  /// The mount's limits, with those of the repository in their place.
  func limits(_ mounts: HousekeepingLimits) -> HousekeepingLimits {
    HousekeepingLimits(
      packfiles: packfiles ?? mounts.packfiles, looseReferences: looseReferences ?? mounts.looseReferences,
      looseObjects: looseObjects ?? mounts.looseObjects)
  }
}
