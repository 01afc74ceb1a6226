import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A damaged repository shows no wrong byte")
struct BadInputDamageTests {
  @Test("config: a mount is refused, and the error names the config")
  func config() async throws {
    try await Self.forEachDamage(of: "") { vault, _, file in
      if case .missing = file.damage {
        try await vault.expectRefusal(Self.mount(vault), code: 10, saying: "no restic repository")
      } else {
        try await vault.expectRefusal(Self.mount(vault), code: 1, saying: "config")
      }
    }
  }

  @Test("key: a mount is refused; the error distinguishes a damaged key from a wrong password")
  func key() async throws {
    try await Self.forEachDamage(of: "keys") { vault, _, file in
      if case .missing = file.damage {
        try await vault.expectRefusal(Self.mount(vault), code: 12, saying: "key")
      } else {
        // The warning about the key comes first, on a line of its own.
        let result = try await vault.result(vault.program.string, Self.mount(vault) + ["-q"])
        #expect(result.status == .exited(1) && result.errorOutput.contains("\(file.path) is damaged"))
        #expect(vault.mounts().isEmpty)
      }
    }
  }

  @Test("index: the error names an unreadable file; blobs of a missing file are EIO, and everything else is right")
  func index() async throws {
    try await Self.forEachDamage(of: "index") { vault, sample, file in
      guard case .missing = file.damage else {
        try await vault.expectRefusal(Self.mount(vault), code: 1, saying: "\(file.path) is damaged")
        return
      }
      let lost = try #require(sample.blobsByIndexFile[file.name])
      try await Self.expect(vault, shows: sample.readable(in: 1) { lost.contains($0) }, saying: ["is in no index file"])
    }
  }

  // R13 A snapshot file that cannot be read is named and passed over, unless it may be the newest one that matches.
  @Test(
    "snapshot: the error names an unreadable file; the newest snapshot is skipped only if its file is empty")
  func snapshot() async throws {
    try await Self.forEachDamage(of: "snapshots") { vault, sample, file in
      let isNewest = file.path.hasSuffix(sample.snapshots[1].id.hex)
      let shown = sample.readable(in: isNewest ? 0 : 1) { _ in false }
      if isNewest, file.damage.leavesContent {
        let message = try await vault.expectRefusal(Self.mount(vault), code: 1, saying: "\(file.path) is damaged")
        #expect(message.contains("it may be the newest snapshot"))
        // Another one can still be chosen.
        try await Self.expect(vault, ["--snapshot", sample.snapshots[0].id.hex], shows: shown)
        return
      }
      let logged = vault.logText.utf8.count
      // D3 The newest one was seen by mounts before.
      try await Self.expect(vault, isNewest ? ["--accept-rollback"] : [], shows: shown)
      let log = String(decoding: vault.logText.utf8.dropFirst(logged), as: UTF8.self)
      if case .missing = file.damage {} else { #expect(log.contains("\(file.path) is damaged"), "\(log)") }
    }
  }

  @Test("pack: damaged blobs are EIO, and a log line names blob and pack; everything else is right")
  func pack() async throws {
    try await Self.forEachDamage(of: "data") { vault, sample, file in
      let lost = Set(sample.blobs(ofPack: file.name, in: file.damage.lostRange(byteCount: file.byteCount)))
      let shown = sample.readable(in: 1) { lost.contains($0) }
      try await Self.expect(
        vault, shows: shown, saying: sample.met(lost).flatMap { [$0.hex.prefix(8).description, file.name] })
    }
  }

  // MARK: -

  /// This does not test reads from before the damage: `CacheMountTests` does that.
  private static func mount(_ vault: MountedRepository) -> [String] {
    ["mount", "--no-cache", vault.mountpoint.string]
  }

  /// Calls `body` with each file of a folder of the sample repository ("" is the repository's own) damaged in each way.
  /// Afterwards everything is as it was, and `restic check` finds nothing.
  private static func forEachDamage(
    of folder: String,
    _ body: @escaping @Sendable (MountedRepository, StoredSample, DamagedFile) async throws -> Void
  ) async throws {
    try await MountedRepository.with { vault in
      let sample = try await StoredSample(in: vault)
      let all = try vault.storedFiles()
      let files = all.filter {
        $0.key.split(separator: "/").count == 1 ? folder.isEmpty : $0.key.hasPrefix(folder + "/")
      }
      try #require(!files.isEmpty)
      for (path, byteCount) in files.sorted(by: { $0.key < $1.key }) {
        for damage in FileDamage.all(byteCount: byteCount) {
          do {
            try await damage.with(vault.repository.appending(path)) {
              try await body(vault, sample, DamagedFile(path: path, byteCount: byteCount, damage: damage))
            }
          } catch {
            throw DamageFailure(description: "\(path), \(damage): \(error)")
          }
        }
      }
      try await expect(vault, shows: sample.readable(in: 1) { _ in false })
      #expect(try vault.storedFiles() == all)
    }
  }

  /// A file of the repository by its name there, and its damage.
  private struct DamagedFile {
    let path: String
    let byteCount: Int
    let damage: FileDamage

    var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  }

  private struct DamageFailure: Error, CustomStringConvertible {
    let description: String
  }

  /// Fails the test unless a mount shows exactly `shown`, or is refused where that is nil, and the log has all `words`.
  private static func expect(
    _ vault: MountedRepository, _ options: [String] = [], shows shown: [String: String]?, saying words: [String] = []
  ) async throws {
    guard let shown else {
      try await vault.expectRefusal(mount(vault) + options, code: 1)
      return
    }
    let before = try vault.storedFiles()
    let logged = vault.logText.utf8.count
    try await vault.mount(["--no-cache"] + options)
    #expect(try await vault.readEverything() == shown)
    let log = String(decoding: vault.logText.utf8.dropFirst(logged), as: UTF8.self)
    for word in words where shown.values.contains("EIO") {
      #expect(log.contains(word), "\(log)")
    }
    try await vault.unmount()
    #expect(try vault.storedFiles() == before)
  }
}

extension MountedRepository {
  /// The results of a reader of the mount: the SHA-256 of each file by its path, or the error's name.
  func readEverything() async throws -> [String: String] {
    let text = try await python(
      """
      shown = {}
      def failed(error): shown[os.path.relpath(error.filename) + "/"] = errno.errorcode[error.errno]
      for folder, folders, files in os.walk(".", onerror=failed):
          for name in files:
              path = os.path.normpath(os.path.join(folder, name))
              try: shown[path] = hashlib.sha256(get(path)).hexdigest()
              except OSError as error: shown[path] = errno.errorcode[error.errno]
      print(json.dumps(shown))
      """)
    return try Self.decode(text)
  }

  /// The log of this test's mounts.
  var logText: String {
    // There is no log before the first mount.
    (try? String(contentsOfFile: log.string, encoding: .utf8)) ?? ""
  }
}
