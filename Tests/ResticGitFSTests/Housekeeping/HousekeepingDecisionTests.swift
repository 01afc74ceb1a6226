import ResticCore
import Testing

@testable import ResticGitFS

@Suite("The decision for maintenance")
struct HousekeepingDecisionTests {
  private static func wishes(_ text: String) throws -> HousekeepingWishes {
    HousekeepingWishes(try GitConfigurationText(Array(text.utf8)).entries)
  }

  private static func findings(packfiles: Int = 0, references: Int = 0, objects: Int = 0) -> RepositorySurvey.Findings {
    RepositorySurvey.Findings(
      counts: RepositoryCounts(packfiles: packfiles, looseReferences: references, looseObjects: objects))
  }

  private static let limits = HousekeepingLimits(packfiles: 10, looseReferences: 20, looseObjects: 30)

  @Test("nothing is due up to the limits, and each limit has its own git commands")
  func limits() {
    let wishes = HousekeepingWishes()
    #expect(
      HousekeepingStep.due(Self.findings(packfiles: 10, references: 20, objects: 30), Self.limits, wishes).isEmpty)
    #expect(HousekeepingStep.due(Self.findings(references: 21), Self.limits, wishes) == [.packReferences])
    for findings in [Self.findings(packfiles: 11), Self.findings(objects: 31)] {
      #expect(
        HousekeepingStep.due(findings, Self.limits, wishes)
          == [.repack(updatesServerInformation: false), .commitGraph])
    }
  }

  @Test("work that has reached half of its limit is done together with work beyond its limit")
  func together() throws {
    let wishes = HousekeepingWishes()
    let all: [HousekeepingStep] = [.packReferences, .repack(updatesServerInformation: false), .commitGraph]
    for findings in [Self.findings(packfiles: 11, references: 11), Self.findings(packfiles: 6, references: 21)] {
      #expect(HousekeepingStep.due(findings, Self.limits, wishes) == all)
    }
    #expect(HousekeepingStep.due(Self.findings(packfiles: 10, references: 20), Self.limits, wishes).isEmpty)
    #expect(
      HousekeepingStep.due(
        Self.findings(packfiles: 11, references: 20), Self.limits, try Self.wishes("[gc]\npackRefs = false"))
        == [.repack(updatesServerInformation: false), .commitGraph])
  }

  @Test("many packed refs allow more loose refs, since packing stores all of them again")
  func scaled() {
    #expect(Self.limits.scaled(toPackedReferences: 100_000) == Self.limits)
    #expect(Self.limits.scaled(toPackedReferences: 600_000).looseReferences == 100)
    #expect(Self.limits.scaled(toPackedReferences: .max).packfiles == 10)
  }

  @Test("objects that git left behind are not tried again before there are more")
  func settled() {
    let left = RepositoryCounts(packfiles: 12)
    #expect(Self.limits.areExceeded(by: left, settled: nil))
    #expect(!Self.limits.areExceeded(by: left, settled: left))
    #expect(!Self.limits.areExceeded(by: RepositoryCounts(packfiles: 17), settled: left))
    #expect(Self.limits.areExceeded(by: RepositoryCounts(packfiles: 18), settled: left))
    #expect(Self.limits.areExceeded(by: RepositoryCounts(packfiles: 11), settled: RepositoryCounts(packfiles: 2)))
  }

  @Test("requested maintenance ignores the limits, and does only what is necessary")
  func everything() {
    let wishes = HousekeepingWishes()
    #expect(HousekeepingStep.everything(Self.findings(), wishes).isEmpty)
    #expect(HousekeepingStep.everything(Self.findings(packfiles: 1), wishes) == [.commitGraph])
    #expect(
      HousekeepingStep.everything(Self.findings(packfiles: 2, references: 1, objects: 1), wishes)
        == [
          .packReferences, .prune(olderThan: "2.weeks.ago"), .repack(updatesServerInformation: false), .commitGraph,
        ])
    var hiding = Self.findings(objects: 1)
    hiding.hidesReachableObjects = true
    #expect(!HousekeepingStep.everything(hiding, wishes).map(\.name).contains("prune"))
  }

  // T5 A repository's own settings count.
  @Test(
    "git's settings turn maintenance off, and restic.maintenance overrides them",
    arguments: [
      ("", true), ("[gc]\nauto = 0", false), ("[gc]\nauto = 100", true), ("[maintenance]\nauto = false", false),
      ("[receive]\nautogc = no", false), ("[restic]\nmaintenance = false", false),
      ("[gc]\nauto = 0\n[restic]\nmaintenance", true), ("[restic]\nmaintenance = true\nmaintenance = off", false),
      ("[restic]\nmaintenance = perhaps", true),
    ])
  func switches(_ text: String, _ isAutomatic: Bool) throws {
    #expect(try Self.wishes(text).isAutomatic == isAutomatic)
  }

  @Test("a new repository turns off git's own maintenance, and leaves it to the mount")
  func template() async throws {
    let mount = try await TestMount(TestMount.makeRepository())
    let config = try await mount.onThread { mount in
      try mount.tree.bookkeep("init") { namespace throws(NamespaceError) in
        try BareRepositoryTemplate(defaultBranch: "main").install(
          in: &namespace, owner: NamedOwner(id: FileOwner(userID: 1, groupID: 1), user: "me", group: "us"), at: .now())
      }
      let number = try mount.tree.read("test") { namespace throws(NamespaceError) in
        try namespace.child("config", of: Namespace.root)
      }
      return Array(try mount.fileSystem.files.bytes(of: number, in: 0..<10_000))
    }
    let wishes = HousekeepingWishes(try GitConfigurationText(config).entries)
    #expect(wishes.isAutomatic)
    #expect(wishes.limits(Self.limits) == Self.limits)
    #expect(String(decoding: config, as: UTF8.self).contains("auto = 0"))
  }

  @Test("the repository's settings override limits and expiry; invalid values count as missing")
  func values() throws {
    let git = try Self.wishes("[gc]\nauto = 100\nautoPackLimit = 0\npruneExpire = 3.days.ago\npackRefs = false")
    #expect(git.limits(Self.limits).looseObjects == 100)
    #expect(git.limits(Self.limits).packfiles == HousekeepingLimits.range.upperBound)
    #expect((git.expiry, git.packsReferences) == ("3.days.ago", false))
    let own = try Self.wishes(
      "[restic]\nmaintenance\nmaintenancePackfiles = 1\nmaintenanceReferences = 7\nmaintenanceObjects = 1k")
    #expect(
      own.limits(Self.limits) == HousekeepingLimits(packfiles: 2, looseReferences: 7, looseObjects: 1024))
    #expect(try Self.wishes("[gc]\npruneExpire = $(touch /tmp/x)").expiry == "2.weeks.ago")
    #expect(try Self.wishes("[gc]\npackRefs = notbare").packsReferences == false)
    #expect(try Self.wishes("[core]\nbare = false\n[gc]\npackRefs = notbare").packsReferences)
    #expect(try Self.wishes("[extensions]\npreciousObjects").keepsAllObjects)
    #expect(try !Self.wishes("[core]\ncommitGraph = false").writesCommitGraph)
  }

  // T3 What a push has stored lately is not pruned, whatever the repository says.
  @Test(
    "nothing younger than an hour is pruned",
    arguments: ["now", "all", "5.minutes.ago", "10.SECONDS.ago", "59 minutes", "1.minute.30.seconds.ago"])
  func leastExpiry(_ text: String) throws {
    #expect(try Self.wishes("[gc]\npruneExpire = \(text)").expiry == "1.hour.ago")
  }

  @Test(
    "git applies ages of an hour and more",
    arguments: ["1.hour.ago", "60 minutes", "1.day.12.hours.ago", "3.months"])
  func longExpiry(_ text: String) throws {
    #expect(try Self.wishes("[gc]\npruneExpire = \(text)").expiry == text)
  }

  @Test(
    "a date that may be within the last hour, or that is invalid, prunes nothing",
    arguments: [
      "never", "false", "2026-11-30 13:00", "2999-01-01", "yesterday noon", "today", "noon", "1.day.ago 13:00",
      "010.days.ago", "9999999999", "days.ago", "ago", "1.day.2.ago", "3.fortnights.ago",
      "60.years.ago", "1000.days.ago",
    ])
  func unclearExpiry(_ text: String) throws {
    #expect(try Self.wishes("[gc]\npruneExpire = \(text)").expiry == "never")
  }
}
