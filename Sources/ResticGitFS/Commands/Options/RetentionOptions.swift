import ArgumentParser
import ResticCore

/// Which snapshots are kept after a commit: the options of `restic forget`.
struct RetentionOptions: ParsableArguments {
  @Option(parsing: .unconditional, help: Self.help("the last n snapshots", "n"), transform: Self.count)
  var keepLast: RetentionPolicy.Count?

  @Option(parsing: .unconditional, help: Self.help("the last n hourly snapshots", "n"), transform: Self.count)
  var keepHourly: RetentionPolicy.Count?

  @Option(parsing: .unconditional, help: Self.help("the last n daily snapshots", "n"), transform: Self.count)
  var keepDaily: RetentionPolicy.Count?

  @Option(parsing: .unconditional, help: Self.help("the last n weekly snapshots", "n"), transform: Self.count)
  var keepWeekly: RetentionPolicy.Count?

  @Option(parsing: .unconditional, help: Self.help("the last n monthly snapshots", "n"), transform: Self.count)
  var keepMonthly: RetentionPolicy.Count?

  @Option(parsing: .unconditional, help: Self.help("the last n yearly snapshots", "n"), transform: Self.count)
  var keepYearly: RetentionPolicy.Count?

  @Option(
    help: Self.help("snapshots that are no older than this before the newest (for example 1y5m7d2h)", "duration"),
    transform: Self.period)
  var keepWithin: RetentionPeriod?

  @Option(help: Self.help("hourly snapshots within this time", "duration"), transform: Self.period)
  var keepWithinHourly: RetentionPeriod?

  @Option(help: Self.help("daily snapshots within this time", "duration"), transform: Self.period)
  var keepWithinDaily: RetentionPeriod?

  @Option(help: Self.help("weekly snapshots within this time", "duration"), transform: Self.period)
  var keepWithinWeekly: RetentionPeriod?

  @Option(help: Self.help("monthly snapshots within this time", "duration"), transform: Self.period)
  var keepWithinMonthly: RetentionPeriod?

  @Option(help: Self.help("yearly snapshots within this time", "duration"), transform: Self.period)
  var keepWithinYearly: RetentionPeriod?

  @Option(
    name: .customLong("keep-tag"),
    help: Self.help("snapshots with this tag; a,b asks for both (may be repeated)", "tag[,tag…]"))
  var keepTags: [String] = []

  /// The policy of these options.
  var policy: RetentionPolicy {
    var policy = RetentionPolicy()
    policy.last = keepLast ?? .number(0)
    policy.counts = [
      .hourly: keepHourly, .daily: keepDaily, .weekly: keepWeekly, .monthly: keepMonthly, .yearly: keepYearly,
    ].compactMapValues(\.self)
    policy.within = keepWithin ?? RetentionPeriod()
    policy.withins = [
      .hourly: keepWithinHourly, .daily: keepWithinDaily, .weekly: keepWithinWeekly, .monthly: keepWithinMonthly,
      .yearly: keepWithinYearly,
    ].compactMapValues(\.self)
    policy.tags = keepTags.map(FilterOptions.tagList)
    return policy
  }

  private static func help(_ what: String, _ valueName: String) -> ArgumentHelp {
    ArgumentHelp("After each commit keep \(what), and forget what no option keeps.", valueName: valueName)
  }

  @Sendable private static func count(_ text: String) throws -> RetentionPolicy.Count {
    guard let count = RetentionPolicy.Count(text: text) else {
      throw ValidationError("'\(text)' is not a number of snapshots: write a number, or unlimited")
    }
    return count
  }

  @Sendable private static func period(_ text: String) throws -> RetentionPeriod {
    guard let period = RetentionPeriod(text: text) else {
      throw ValidationError("'\(text)' is not a time: write years, months, days and hours, as 1y5m7d2h")
    }
    return period
  }
}
