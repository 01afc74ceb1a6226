import ArgumentParser

/// From when on a mount puts its git repositories in order.
struct MaintenanceOptions: ParsableArguments {
  private static let standard = HousekeepingLimits()
  private static let standardQuiet = Duration.seconds(30)

  @Flag(help: "Let git pack the mount's repositories only for `restic-gitfs maintain`, never automatically.")
  var noMaintenance = false

  @Option(
    help: ArgumentHelp(
      "Pack small git packfiles when there are more than this many (default: \(standard.packfiles)).", valueName: "n"),
    transform: Self.count)
  var maintenancePackfiles = standard.packfiles

  @Option(
    help: ArgumentHelp(
      "Pack loose references when there are more than this many (default: \(standard.looseReferences)).", valueName: "n"
    ),
    transform: Self.count)
  var maintenanceReferences = standard.looseReferences

  @Option(
    help: ArgumentHelp(
      "Pack loose objects when there are more than about this many (default: \(standard.looseObjects)).", valueName: "n"
    ),
    transform: Self.count)
  var maintenanceObjects = standard.looseObjects

  @Option(
    help: ArgumentHelp(
      "Pack after this long without writes (default: \(standardQuiet.optionText)).", valueName: "duration"),
    transform: Duration.parse)
  var maintenanceQuiet = standardQuiet

  /// The limits; nil where nothing is done by itself.
  var limits: HousekeepingLimits? {
    noMaintenance
      ? nil
      : HousekeepingLimits(
        packfiles: maintenancePackfiles, looseReferences: maintenanceReferences, looseObjects: maintenanceObjects)
  }

  private static func count(_ text: String) throws -> Int {
    guard let number = Int(text), HousekeepingLimits.range.contains(number) else {
      throw ValidationError("it is a number from \(HousekeepingLimits.range.lowerBound) on")
    }
    return number
  }
}
