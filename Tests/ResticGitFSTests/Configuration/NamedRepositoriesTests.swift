import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@testable import NamedRepositories

/// U1 to U3: the content of configuration files, and which files are trusted.
@Suite("Named repositories")
struct NamedRepositoriesTests {
  private func read(_ text: String) throws -> [String: NamedRepository] {
    try NamedRepositories.read(Array(text.utf8), file: "config.toml", home: "/home/me")
  }

  @Test("have restic's options as keys, and paths that begin with / or ~/")
  func settings() throws {
    let vault = try #require(
      read(
        """
        [repositories.vault]
        repository = "rest:https://nas:8000/vault/"
        password-command = "pass show 'my vault'"
        cacert = "~/nas.pem"
        limit-upload = 500
        insecure-tls = true
        tag = ["git", "work"]
        host = "nas"
        mountpoint = "~/vault"
        options = { "s3.region" = "eu-west-1" }
        """)["vault"])
    #expect(vault.location == "rest:https://nas:8000/vault/" && vault[.passwordCommand] == "pass show 'my vault'")
    #expect(vault.texts(.cacert) == ["/home/me/nas.pem"] && vault[.mountpoint] == "/home/me/vault")
    #expect(vault.number(.limitUpload) == 500 && vault.isOn(.insecureTLS) && !vault.isOn(.noCache))
    #expect(vault.texts(.tag) == ["git", "work"] && vault.texts(.host) == ["nas"])
    #expect(vault.texts(.options) == ["s3.region=eu-west-1"] && vault[.keyHint] == nil)
    #expect(try read("[repositories.a]\nrepository = '~/v'")["a"]?.location == "/home/me/v")
    #expect(try read("[repositories.a]\nrepository = 'local:/v'")["a"]?.location == "local:/v")
    #expect(try read("[repositories]\na = { repository = '/v' }")["a"]?.location == "/v")
    #expect(try read("").isEmpty && read("[repositories]").isEmpty)
  }

  @Test(
    "the error for an unknown key, a wrong value or a password names the line",
    arguments: [
      ("[repositories.a]\nrepository = '/v'\npasword-file = '/p'", 3, "'pasword-file' is not known"),
      ("[repositories.a]\nrepository = '/v'\npassword = 'x'", 3, "password-command"),
      ("password = 'x'", 1, "password-command"),
      ("[repositories.a]\nrepository = 'rest:https://u:p@h/'", 2, "password"),
      ("repository = '/v'", 1, "outside"), ("[repositorys.a]", 1, "not known here"),
      ("[repositories.a.b]", 1, "not known here"), ("\n[repositories.a]", 2, "no location"),
      ("[repositories.a]\nrepository = 1", 2, "text"), ("[repositories.a]\nrepository = 'v'", 2, "begins with /"),
      ("[repositories.a]\nrepository = ''", 2, "begins with /"),
      ("[repositories.a]\nrepository = '/v'\npassword-file = 'p'", 3, "begins with /"),
      ("[repositories.a]\nrepository = '/v'\nlimit-upload = -1", 3, "whole number"),
      ("[repositories.a]\nrepository = '/v'\nno-cache = 'yes'", 3, "true or false"),
      ("[repositories.a]\nrepository = '/v'\noptions = 'x'", 3, "table"),
      ("[repositories.a]\nrepository = '/v'\ntag.x = 'y'", 3, "keys of its own"),
      ("[repositories.'a b']\nrepository = '/v'", 1, "no name"),
      ("[repositories.'a/b']\nrepository = '/v'", 1, "no name"),
      ("[repositories.a]\nrepository =", 2, "a value is"),
      ("\u{FEFF}[repositories.a]\nrepository = '/v'", 1, "byte order mark"),
      ("[repositories.a]\nrepository = '/v'\nretry-lock = 'soon'", 3, "'retry-lock' is not a duration"),
      ("[repositories.a]\nrepository = '/v'\nstuck-request-timeout = '1ms'", 3, "a second at least"),
      ("[repositories.a]\nrepository = '/v'\ncompression = 'zip'", 3, "auto, off"),
      ("[repositories.a]\nrepository = '/v'\npack-size = 1", 3, "from 4 to 128"),
      ("[repositories.a]\nrepository = '/v'\nlimit-upload = 99999999999", 3, "from 0 to 2147483647"),
      ("[repositories.a]\nrepository = '/v'\npath = ['/x', 'y']", 3, "absolute"),
      (
        "[repositories.a]\nrepository = '/v'\npassword-file = '/f'\npassword-command = 'c'", 1,
        "password-file and a password-command"
      ),
    ])
  func refused(text: String, line: Int, words: String) {
    let error = #expect(throws: ConfigurationError.self) { try read(text) }
    let message = error?.description ?? ""
    #expect(message.hasPrefix("config.toml, line \(line): ") && message.contains(words), "\(message)")
  }

  @Test("these texts are names", arguments: ["vault", "a", "my-vault_2.git", "0"])
  func names(text: String) { #expect(NamedRepositories.isName(text)) }

  @Test(
    "these texts are not names",
    arguments: ["", ".", "./vault", "/srv", "sftp:x", "-r", "a b", "ü", "local:vault", "_x"])
  func noNames(text: String) { #expect(!NamedRepositories.isName(text)) }

  /// A folder with a file `config.toml` that says `text`, and the variables that lead to it.
  private func withFile<Result>(_ text: String, _ body: (FilePath, (String) -> String?) throws -> Result) throws
    -> Result
  {
    let folder = try TemporaryDirectory(prefix: "names")
    let file = folder.path.appending("config.toml")
    try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
    chmod(file.string, 0o600)
    return try body(file) { ["RESTIC_GITFS_CONFIG": file.string][$0] }
  }

  @Test("a file that others may write, itself or in its folder, is refused, since it names commands")
  func trust() throws {
    try withFile("[repositories.a]\nrepository = '/v'") { file, variable in
      #expect(try NamedRepositories.find("a", variable)?.location == "/v")
      #expect(try NamedRepositories.find("b", variable) == nil)
      for mode: mode_t in [0o620, 0o602, 0o666] {
        chmod(file.string, mode)
        let error = #expect(throws: ConfigurationError.self) { try NamedRepositories.find("a", variable) }
        #expect(error?.description.contains("can be written by others") == true)
      }
      chmod(file.string, 0o644)
      let folder = file.removingLastComponent().string
      chmod(folder, 0o777)
      #expect(throws: ConfigurationError.self) { try NamedRepositories.find("a", variable) }
      chmod(folder, 0o700)
      #expect(try NamedRepositories.find("a", variable) != nil)
      // Where the file really is counts, too.
      let link = try TemporaryDirectory(prefix: "link")
      symlink(file.string, link.path.appending("c").string)
      chmod(folder, 0o777)
      #expect(throws: ConfigurationError.self) {
        try NamedRepositories.find("a") { $0 == "RESTIC_GITFS_CONFIG" ? link.path.appending("c").string : nil }
      }
      guard getuid() == 0 else { return }
      chmod(folder, 0o700)
      chown(file.string, 4711, 0)
      #expect(throws: ConfigurationError.self) { try NamedRepositories.find("a", variable) }
    }
  }

  @Test("a location is never looked up, so that a broken file does not block a folder")
  func noLookUp() throws {
    try withFile("nonsense") { _, variable throws in
      #expect(try NamedRepositories.find("/srv/vault", variable) == nil)
      #expect(try NamedRepositories.find("./vault", variable) == nil)
      #expect(throws: ConfigurationError.self) { try NamedRepositories.find("vault", variable) }
    }
  }

  @Test("the user's file wins over the system's; a file that the user names must exist")
  func files() throws {
    let folder = try TemporaryDirectory(prefix: "names")
    func write(_ name: String, _ text: String) throws -> String {
      let file = folder.path.appending(name)
      let parent = file.removingLastComponent().string
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
      chmod(file.string, 0o600)
      chmod(parent, 0o700)
      return file.string
    }
    let system = try write("etc/config.toml", "[repositories.a]\nrepository='/s'\n[repositories.b]\nrepository='/s'")
    let user = try write(".config/restic-gitfs/config.toml", "[repositories.a]\nrepository='/u'")
    let home = folder.path.string
    let names = try NamedRepositories.load({ $0 == "HOME" ? home : nil }, system: system)
    #expect(names["a"]?.location == "/u" && names["b"]?.location == "/s" && names.files == [user, system])
    #expect(names.names == ["a", "b"])
    let other = try NamedRepositories.load(
      { ["HOME": home, "XDG_CONFIG_HOME": "\(home)/none"][$0] }, system: system)
    #expect(other["a"]?.location == "/s" && other.files == [system])
    #expect(try NamedRepositories.load({ _ in nil }, system: "/nowhere/config.toml").files.isEmpty)
    #expect(throws: ConfigurationError.self) {
      try NamedRepositories.load({ $0 == "RESTIC_GITFS_CONFIG" ? "/nowhere/x" : nil }, system: system)
    }
  }

  @Test("two repositories have the same fingerprint if and only if their settings are equal")
  func fingerprint() throws {
    let text = "[repositories.a]\nrepository = '/v'\ntag = ['x', 'y']"
    #expect(try read(text)["a"]?.fingerprint == read(text)["a"]?.fingerprint)
    #expect(try read(text)["a"]?.fingerprint != read(text + "\nhost = 'h'")["a"]?.fingerprint)
  }
}
