import Foundation
import ResticTestSupport
import SystemPackage
import Testing

/// B1 to B3 and B6: a repository in a bucket of an S3 server. The keys are in variables (`StorageServer.environment`);
/// `StorageTests` is what every storage has in common.
@Suite("A mount of a repository on an S3 server")
struct S3MountTests {
  /// The location of another place on the test's server.
  private static func location(_ vault: MountedRepository, _ path: String) -> String {
    vault.location.replacingOccurrences(of: "/vault", with: "/\(path)")
  }

  // B3 The secret key is in no log, session file or list of processes.
  @Test("other processes cannot see the secret key while a mount is there")
  func secrets() async throws {
    try await MountedRepository.with(storage: .s3) { vault in
      let source = try await vault.makeHistory(commits: 5)
      try await vault.mount()
      try await vault.git(["push", "--quiet", "--mirror", vault.mountpoint.string], in: source)
      try await vault.sync()
      let secret = Data(RcloneS3Server.secret.utf8)
      #expect(vault.processes().isEmpty == false)
      for process in vault.processes() {
        // The process may have ended.
        let words = FileHandle(forReadingAtPath: "/proc/\(process)/cmdline").flatMap { try? $0.readToEnd() }
        #expect(words?.range(of: secret) == nil)
      }
      for file in vault.stateFiles() {
        let content = try Data(contentsOf: URL(fileURLWithPath: vault.stateHome.appending(file).string))
        #expect(content.range(of: secret) == nil)
      }
      try await vault.unmount()
      let log = (try? Data(contentsOf: URL(fileURLWithPath: vault.log.string))) ?? Data()
      #expect(log.range(of: secret) == nil)
    }
  }

  @Test("init creates the bucket; a mount reads restic's backup and saves, and restic checks and restores the snapshot")
  func resticBeside() async throws {
    try await MountedRepository.with(storage: .s3) { vault in
      let location = Self.location(vault, "beside/new/deep")
      try await vault.gitfs(["init", "-q", "-r", location])
      try await vault.gitfs(["init", "-r", location], expecting: 1)
      try await vault.gitfs(["snapshots", "-r", Self.location(vault, "nobodys/x")], expecting: 10)
      try await vault.shell("mkdir -p src/d; echo one > src/d/file", in: vault.folder)
      try await vault.restic(["-r", location, "backup", "--host", "h", vault.path("src").string])
      try await vault.mount(["-r", location, "--host", "h", "--no-git-init"])
      try await vault.shell("grep -rqx one .; echo two > more")
      try await vault.unmount()
      try await vault.restic(["-r", location, "check", "--read-data", "--no-cache"])
      let restored = try vault.makeFolder("restored")
      try await vault.restic(["-r", location, "restore", "latest", "--target", restored.string])
      try await vault.shell("grep -rqx two .; grep -rqx one .", in: restored)
    }
  }

  // B2, B6 The error names the place of the keys, and what to change.
  @Test("the error for wrong or missing keys names them, and no secret")
  func keys() async throws {
    try await RemoteClient.with(storage: .s3) { client in
      try await client.script(
        """
        no env AWS_SECRET_ACCESS_KEY=falsch git ls-remote "$U" 2> said
        grep -q 'secret key does not belong to the access key AKIA…7731 (AWS_ACCESS_KEY_ID)' said; no grep -q falsch said
        no env -u AWS_SECRET_ACCESS_KEY git ls-remote "$U" 2> said; grep -q 'AWS_SECRET_ACCESS_KEY is empty' said
        mkdir -p home/.aws; printf '[default]\\naws_access_key_id = %s\\n' "$AWS_ACCESS_KEY_ID" > home/.aws/credentials
        printf 'aws_secret_access_key = %s\\n' "$AWS_SECRET_ACCESS_KEY" >> home/.aws/credentials
        env -u AWS_SECRET_ACCESS_KEY -u AWS_ACCESS_KEY_ID git ls-remote "$U"
        """)
    }
  }

  @Test("broken connections, lost answers and a busy server cost time, and nothing else")
  func faults() async throws {
    try await MountedRepository.with(storage: .s3) { vault in
      let port = try #require(URL(string: String(vault.location.dropFirst(3)))?.port)
      try await vault.expectKeptThroughFaults(upstream: UInt16(port), busy: "503 Slow Down") {
        "s3:http://127.0.0.1:\($0)/vault"
      }
    }
  }
}
