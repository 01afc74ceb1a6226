import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// git as a user of `restic::` URLs, for one test's repository.
struct RemoteClient: Sendable {
  /// The repository and everything around it.
  let vault: MountedRepository

  /// Runs `body` with a new, empty repository. Afterwards nothing may be left: no mount, process, file or lock, and
  /// `restic check` finds nothing wrong.
  static func with(
    version: Int = 2, storage: TestStorage? = nil, limit: Duration = .seconds(1200), checks: Bool = true,
    at location: SourceLocation = #_sourceLocation, _ body: @escaping @Sendable (RemoteClient) async throws -> Void
  ) async throws {
    try await MountedRepository.with(
      version: version, storage: storage, limit: limit, checks: checks, at: location
    ) { vault in
      let client = RemoteClient(vault: vault)
      try await body(client)
      try await vault.wait(for: "the end of all mounts", at: location) {
        vault.processes().isEmpty && vault.mounts().isEmpty
      }
      #expect(client.leftovers().isEmpty, sourceLocation: location)
    }
  }

  /// As `with`, beginning with a clone `a` that has pushed five commits (files f1 … f5) to `main`.
  static func withHistory(
    storage: TestStorage? = nil, limit: Duration = .seconds(1200), at location: SourceLocation = #_sourceLocation,
    _ body: @escaping @Sendable (RemoteClient) async throws -> Void
  ) async throws {
    try await with(storage: storage, limit: limit, at: location) { client in
      try await client.script(
        """
        git init -q a; cd a; git remote add origin $U
        for i in 1 2 3 4 5; do echo $i > f$i; git add .; git commit -q -m c$i; done
        git push -q -u origin main
        """)
      try await body(client)
    }
  }

  /// The repository's URL.
  var url: String { "restic::\(vault.location)" }

  /// Runs a shell script in the test's folder; every command must succeed. `$U` is the URL, `$T` the folder, `$V` the
  /// repository; `no COMMAND` must fail, `is A B` compares. Returns both outputs.
  @discardableResult
  func script(
    _ script: String, environment: [String: String?] = [:], expecting code: Int32 = 0, timeout: Duration = .seconds(600)
  ) async throws -> String {
    let prelude = """
      U='\(url)'; T='\(vault.folder)'; V='\(vault.repository)'
      no() { if "$@"; then echo "should have failed: $*"; exit 99; fi; }
      is() { if [[ "$1" != "$2" ]]; then echo "'$1' is not '$2'"; exit 98; fi; }

      """
    var runner = vault.runner
    runner.timeout = timeout
    runner.environment.merge(self.environment.merging(environment) { $1 }) { $1 }
    let text = prelude + MountedRepository.swap + script
    let result = try await runner.run("/bin/bash", ["-eu", "-o", "pipefail", "-c", text])
    guard result.status == .exited(code) else {
      throw WrongExit(
        description:
          "\(script)\nended with \(result.status):\n\(result.output.suffix(4000))\(result.errorOutput.suffix(8000))")
    }
    return result.output + result.errorOutput
  }

  /// The helper is found where it was built; nothing is put into the user's runtime folder.
  private var environment: [String: String?] {
    let path = (vault.runner.environment["PATH"] ?? ProcessInfo.processInfo.environment["PATH"]) ?? "/usr/bin:/bin"
    return [
      "PATH": "\(vault.program.removingLastComponent()):\(path)", "XDG_RUNTIME_DIR": String?.none,
      "HOME": vault.path("home").string, "GIT_TERMINAL_PROMPT": "0",
      // Submodules by URL.
      "GIT_ALLOW_PROTOCOL": "file:restic",
    ]
  }

  /// The files that mounts have left in the folder of private mounts.
  func leftovers() -> [String] {
    let folder = vault.stateHome.appending("restic-gitfs").appending("remote")
    // There is no folder before the first mount.
    return (try? FileManager.default.contentsOfDirectory(atPath: folder.string)) ?? []
  }

  /// A hook `pre-push` for the clone `name`: runs once, after git has read the refs of the other side and before the push.
  func beforePush(in name: String, _ script: String) throws {
    let hook = vault.path(name).appending(".git/hooks/pre-push").string
    let text = """
      #!/bin/bash
      [[ -z "${HOOKED:-}" ]] || exit 0
      set -eu; export HOOKED=1; U='\(url)'; T='\(vault.folder)'; V='\(vault.repository)'
      # What git tells its hooks about this repository is not for others.
      unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_PREFIX
      rm -f "$0"
      \(MountedRepository.swap)
      \(script)

      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: hook))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
  }
}
