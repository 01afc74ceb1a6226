import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import GitRemoteRestic

@Suite("The location in a URL")
struct RemoteLocationTests {
  @Test("a name of the configuration file is passed on unchanged, and its settings tell two mounts apart")
  func named() throws {
    let folder = try TemporaryDirectory(prefix: "names")
    let file = folder.path.appending("config.toml").string
    try Data("[repositories.vault]\nrepository = '/srv/vault'\ntag = 'git'".utf8).write(to: URL(fileURLWithPath: file))
    chmod(file, 0o600)
    func variable(_ name: String) -> String? { ["RESTIC_GITFS_CONFIG": file][name] }
    let vault = try RemoteLocation("restic::vault", variable)
    #expect(vault.text == "/srv/vault" && vault.argument == "vault" && vault.description == "/srv/vault")
    #expect(vault.identity.contains("git") && vault.identity.count > 1)
    let other = try RemoteLocation("restic::./vault", variable)
    #expect(other.named == nil && other.argument == other.text && other.text.hasPrefix("local:/"))
    #expect(ProcessEnvironment(values: [:]).forMount(of: vault)["RESTIC_REPOSITORY"] == "vault")
    chmod(file, 0o666)
    #expect(throws: HelperError.self) { try RemoteLocation("restic::vault", variable) }
  }

  @Test(
    "a folder becomes absolute",
    arguments: ["/srv/vault", "restic::/srv/vault", "local:/srv/vault", "restic::local:/srv/./x/../vault/"])
  func folders(url: String) throws {
    #expect(try RemoteLocation(url).text == "local:/srv/vault")
  }

  @Test("a relative folder is relative to git's working directory")
  func relative() throws {
    let here = try #require(getcwd(nil, 0))
    defer { free(here) }
    #expect(try RemoteLocation("a b/c").text == "local:\(FilePath(platformString: here).appending("a b/c"))")
  }

  @Test(
    "other storages are passed on unchanged",
    arguments: [
      "sftp:user@host:/srv/vault", "rest:https://host:8000/me/", "s3:s3.example.com/bucket", "rclone:r:path",
      "rclone:/a,b", "rclone:r:a,b:c",
    ])
  func others(text: String) throws {
    #expect(try RemoteLocation(text).text == text)
  }

  // N2 No message shows a password.
  @Test(
    "a password is passed on, and never printed",
    arguments: [
      ("rest:https://u:geheim@host:8000/me/", "rest:https://u:***@host:8000/me/"),
      ("rest:http://u:ge:heim@x@host/a:b@c", "rest:http://u:***@host/a:b@c"),
      ("rest:http://host/a:b@c", "rest:http://host/a:b@c"),
      ("rest:http://u@host/", "rest:http://u@host/"), ("sftp:user@host:/srv", "sftp:user@host:/srv"),
    ])
  func passwords(text: String, shown: String) throws {
    let location = try RemoteLocation("restic::\(text)")
    #expect(location.text == text && "\(location)" == shown)
  }

  @Test(
    "an invalid location is refused",
    arguments: [
      "", "restic::", "restic://host/x", "local:", "a\nb", "restic::local:", "restic::rclone:r,ssh=x:p",
      "rclone::sftp,ssh='a b':",
    ])
  func refused(url: String) {
    #expect(throws: HelperError.self) { try RemoteLocation(url) }
  }

  @Test("git passes a URL twice if the remote has no name")
  func words() throws {
    #expect(try CommandLineWords.parse(["origin", "/x"])?.isNamed == true)
    #expect(try CommandLineWords.parse(["restic::/x", "/x"])?.isNamed == false)
    #expect(try CommandLineWords.parse(["/x", "/x"])?.isNamed == false)
    #expect(throws: HelperError.self) { try CommandLineWords.parse([]) }
    #expect(throws: HelperError.self) { try CommandLineWords.parse(["a", "b", "c"]) }
  }
}
