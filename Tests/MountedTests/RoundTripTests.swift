import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// N11: each command is a few rounds of requests.
///
/// A repository on a REST server, behind a proxy that takes its time for each request and its answer. What is asserted is the
/// number of rounds, which no slow machine changes, and not the time. `ROUND_TRIP_MILLISECONDS=50` tells the times that
/// docs/BENCHMARKS.md has.
@Suite("The rounds of requests of each command", .serialized)
struct RoundTripTests {
  /// Long beside everything that a command computes, so that only what waits for an answer comes after the answer.
  private static let roundTrip = Duration.milliseconds(
    ProcessInfo.processInfo.environment["ROUND_TRIP_MILLISECONDS"].flatMap(Int.init) ?? 150)
  private static let immediate = "rest.immediate-listings=true"

  /// A repository with a history, on a server behind a proxy.
  private struct Scene {
    let client: RemoteClient
    let proxy: FaultProxy
    /// Where the repository is, through the proxy.
    let location: String

    var vault: MountedRepository { client.vault }
    var url: String { "restic::\(location)" }

    /// Runs `body`, and fails the test where that takes more than `limit` rounds of requests.
    func expect(_ what: String, within limit: Int, _ body: () async throws -> Void) async throws {
      proxy.forget()
      let start = ContinuousClock.now
      try await body()
      let elapsed = start.duration(to: .now)
      let rounds = proxy.rounds
      #expect(rounds.count <= limit, "\(what): \(rounds)")
      print(
        "round trips: \(what): \(rounds.count) rounds, \(rounds.exchanges.count) requests, \(Int(elapsed / .milliseconds(1))) ms"
      )
    }
  }

  private static func with(_ body: @escaping @Sendable (Scene) async throws -> Void) async throws {
    try await RemoteClient.withHistory { client in
      let server = try await RcloneServer(folder: client.vault.repository)
      let port = try #require(URL(string: server.url)?.port)
      let proxy = try FaultProxy(upstream: UInt16(port)) { _ in .delay(roundTrip) }
      try await body(Scene(client: client, proxy: proxy, location: "rest:\(proxy.url)"))
      proxy.stop()
      try await server.stop()
    }
  }

  @Test("of a mount: opening, a sync of one commit, an end without changes", arguments: [false, true])
  func mount(isImmediate: Bool) async throws {
    try await Self.with { scene in
      let vault = scene.vault
      let options = isImmediate ? ["-o", Self.immediate] : []
      try await scene.expect("mount", within: 4) { try await vault.mount(["-r", scene.location] + options) }
      try await scene.client.script("cd a; echo 6 > f6; git add .; git commit -q -m c6")
      try await scene.expect("push to the mount", within: 14) {
        try await vault.git(["push", "-q", vault.mountpoint.string, "main"], in: vault.path("a"))
      }
      // The lock that the first change asks for.
      try await vault.settle()
      // Without the wait for the commit lock the index is stored beside the lock's last look.
      if isImmediate {
        try await scene.expect("sync of one commit, immediate listings", within: 7) { try await vault.sync() }
      } else {
        try await scene.expect("sync of one commit", within: 8) { try await vault.sync() }
      }
      try await scene.expect("sync without a change", within: 1) { try await vault.sync() }
      try await scene.expect("umount", within: 1) { try await vault.unmount() }
    }
  }

  @Test("of git by URL: ls-remote, clone, push, fetch", arguments: [false, true])
  func byURL(isImmediate: Bool) async throws {
    try await Self.with { scene in
      let name = isImmediate ? ", immediate listings" : ""
      let option = "remote.origin.resticOption=\(Self.immediate)"
      let setting = isImmediate ? "git -C a config \(option.replacing("=rest", with: " rest"))" : "true"
      try await scene.client.script("\(setting); git -C a remote set-url origin '\(scene.url)'")
      let clone = "git clone -q \(isImmediate ? "-c \(option)" : "") '\(scene.url)' b"
      try await scene.expect("ls-remote by URL\(name)", within: 8) {
        try await scene.client.script("git -C a ls-remote -q origin")
      }
      try await scene.expect("clone by URL\(name)", within: 9) { try await scene.client.script(clone) }
      try await scene.client.script("cd a; echo 6 > f6; git add .; git commit -q -m c6")
      try await scene.expect("push by URL\(name)", within: 16) {
        try await scene.client.script("git -C a push -q origin main")
      }
      try await scene.expect("fetch by URL\(name)", within: 10) { try await scene.client.script("git -C b fetch -q") }
    }
  }
}
