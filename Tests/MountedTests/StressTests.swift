import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// The short form of `scripts/stress`, which sets `STRESS_ROUNDS` and `STRESS_SEED`.
@Suite("Many clients, many rounds", .timeLimit(.minutes(600)))
struct StressTests {
  private static func number(_ variable: String) -> UInt64? {
    ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
  }

  // C7, G1, and R1 beside restic's own backup, check, forget and prune.
  @Test("every push that was reported as accepted survives, in its branch or as a conflict")
  func rounds() async throws {
    let rounds = Self.number("STRESS_ROUNDS") ?? 1
    let seed = Self.number("STRESS_SEED") ?? .random(in: 0...9999)
    let log = StressLog()
    do {
      try await RemoteClient.with(limit: .seconds(120 + 120 * Int64(rounds))) { client in
        try await StressRound.prepare(client)
        for round in 0..<rounds {
          try await StressRound(client: client, log: log, seed: seed &+ round << 32).run(for: .seconds(12))
          try await expectEverything(client, log, "round \(round + 1), seed \(seed)")
          if rounds > 1 {
            print("stress: round \(round + 1) of \(rounds), \(await log.accepted.count) pushes accepted")
          }
        }
      }
    } catch {
      Issue.record("seed \(seed): \(error)")
    }
    print("stress: \(rounds) rounds, \(await log.accepted.count) pushes accepted, \(await log.summary), seed \(seed)")
  }

  /// Throws unless git finds everything that was accepted, and git and restic find nothing wrong; then repository and clones
  /// are kept, to be looked at.
  private func expectEverything(_ client: RemoteClient, _ log: StressLog, _ moment: String) async throws {
    do {
      try await look(client.vault, log)
    } catch {
      let kept = try BuiltProgram.buildFolder().appending("mounted-logs/stress-\(UInt16.random(in: .min ... .max))")
      // Not what is mounted.
      try await client.vault.run("cp", ["-ax", client.vault.folder.string, kept.string])
      throw WrongExit(description: "\(moment): \(error)\nrepository and clones are in \(kept)")
    }
  }

  private func look(_ vault: MountedRepository, _ log: StressLog) async throws {
    let path = try await vault.mount(["--read-only"], at: "verify")
    // Missing objects are what fsck tells more about than a list of commits does.
    try await vault.git(["fsck", "--strict", "--full"], in: path)
    let found = Set(try await vault.git(["rev-list", "--all"], in: path).split(separator: "\n").map(String.init))
    let lost = await log.accepted.filter { !found.contains($0.key) }.values.sorted()
    guard lost.isEmpty else { throw WrongExit(description: "lost: \(lost)") }
    let conflicts = try await vault.git(["for-each-ref", "refs/conflicts"], in: path).split(separator: "\n").count
    await log.set("conflict refs", conflicts)
    try await vault.unmount(at: "verify")
    try await vault.restic(["check", "--read-data"])
  }
}
