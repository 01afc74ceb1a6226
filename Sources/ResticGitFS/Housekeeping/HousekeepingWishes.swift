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
  /// No object is that old.
  private static let noExpiry = "never"

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
    if let text = shown("gc.pruneexpire", .date), !text.isEmpty { expiry = Self.expiry(text) }
  }

  /// What git is told for `gc.pruneExpire = text`. An absolute date may lie within the last hour, and git takes nearly any text for
  /// one: so only ages count that are understood here. With any other text, no object is removed.
  private static func expiry(_ text: String) -> String {
    let text = text.lowercased()
    if ["now", "all"].contains(text) { return leastExpiry }
    guard let age = leastAge(text) else { return noExpiry }
    return age < .seconds(3600) ? leastExpiry : text
  }

  /// The shortest time that `text` may stand for, as `2.weeks.ago` or `1 day 12 hours`; nil if it is anything else.
  ///
  /// Source: git, date.c, approxidate_alpha. git reads a number with a leading zero as part of a date, and longer ones as other dates.
  private static func leastAge(_ text: String) -> Duration? {
    var words = text.split { " .".contains($0) }
    if words.last == "ago" { words.removeLast() }
    guard !words.isEmpty, words.count.isMultiple(of: 2) else { return nil }
    var age = Duration.zero
    for index in stride(from: 0, to: words.count, by: 2) {
      let unit = words[index + 1]
      guard !words[index].hasPrefix("0"), words[index].count <= 3, let number = UInt16(words[index]),
        let seconds = unitSeconds[unit.hasSuffix("s") ? unit.dropLast() : unit]
      else {
        return nil
      }
      age += .seconds(seconds * Int(number))
    }
    // git has no dates before 1970.
    return age < .seconds(40 * 31_536_000) ? age : nil
  }

  /// The least number of seconds in git's units of time.
  private static let unitSeconds: [Substring: Int] = [
    "second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800, "month": 28 * 86_400, "year": 365 * 86_400,
  ]

  /// The limits for this repository: its own where it has any, otherwise those of the mount.
  func limits(_ mounts: HousekeepingLimits) -> HousekeepingLimits {
    HousekeepingLimits(
      packfiles: packfiles ?? mounts.packfiles, looseReferences: looseReferences ?? mounts.looseReferences,
      looseObjects: looseObjects ?? mounts.looseObjects)
  }
}
