import ResticCore

/// What the stored configuration of a git repository says about housekeeping. Variables of this program are
///
///     [restic]
///       maintenance = true              # or false: only on request, by `restic-gitfs maintain`
///       maintenancePackfiles = 20       # and maintenanceReferences, maintenanceObjects
///
/// Without `restic.maintenance`, git's settings apply: `gc.auto`, `maintenance.auto` and `receive.autogc` can turn
/// housekeeping off, and `gc.auto` and `gc.autoPackLimit` set limits.
struct HousekeepingWishes: Hashable, Sendable {
  /// Whether housekeeping runs without a request.
  private(set) var isAutomatic = true
  /// Limits that replace the mount's.
  private(set) var packfiles: Int?
  private(set) var looseReferences: Int?
  private(set) var looseObjects: Int?
  /// Whether to pack references (`gc.packRefs`).
  private(set) var packsReferences = true
  /// Whether to write a commit-graph (`gc.writeCommitGraph`, `core.commitGraph`).
  private(set) var writesCommitGraph = true
  /// Whether no object may be removed (`extensions.preciousObjects`).
  private(set) var keepsAllObjects = false
  /// The minimum age of unreachable objects that are removed (`gc.pruneExpire`), in git's words.
  private(set) var expiry = Self.standardExpiry

  /// git's default. Source: git-config(1), gc.pruneExpire.
  private static let standardExpiry = "2.weeks.ago"
  /// The minimum of `gc.pruneExpire`: a push to the mount may have stored objects that no reference names yet.
  private static let leastExpiry = "1.hour.ago"

  /// The defaults.
  init() {}

  /// Reads `entries`; the last value of each variable applies. A value that git would reject counts as missing.
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

  /// Whether `text` names a time within the last hour in git's words: `now`, `all`, or some seconds or minutes.
  private static func isWithinAnHour(_ text: String) -> Bool {
    let words = text.lowercased().split { !$0.isLetter }
    return words.contains { $0 == "now" || $0 == "all" || $0.hasPrefix("second") || $0.hasPrefix("minute") }
  }

  /// The limits for this repository: its own where it has any, otherwise those of the mount.
  func limits(_ mounts: HousekeepingLimits) -> HousekeepingLimits {
    HousekeepingLimits(
      packfiles: packfiles ?? mounts.packfiles, looseReferences: looseReferences ?? mounts.looseReferences,
      looseObjects: looseObjects ?? mounts.looseObjects)
  }
}
