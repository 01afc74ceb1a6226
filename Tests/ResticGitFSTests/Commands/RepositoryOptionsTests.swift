import ArgumentParser
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

@Suite("The choice of the repository")
struct RepositoryOptionsTests {
  private func location(_ arguments: [String], _ environment: [Environment.Variable: String] = [:]) throws -> String {
    try RepositoryOptions.parse(arguments).location(Environment(environment)).description
  }

  @Test("-r wins over RESTIC_REPOSITORY, in all its spellings")
  func option() throws {
    for arguments in [["-r", "/a"], ["-r/a"], ["--repo", "/a"], ["--repo=/a"], ["-r", "local:/a"]] {
      #expect(try location(arguments, [.repository: "/b"]) == "/a")
    }
    #expect(try location([], [.repository: "/b"]) == "/b")
  }

  @Test("a file holds the location, with surrounding white space and a byte order mark")
  func file() throws {
    let directory = try TemporaryDirectory()
    let file = directory.path.appending("location")
    try write([0xEF, 0xBB, 0xBF] + " /srv/vault \n".utf8, to: file)
    #expect(try location(["--repository-file", file.string]) == "/srv/vault")
    #expect(try location([], [.repositoryFile: file.string]) == "/srv/vault")
    #expect(throws: CommandError.self) { try location(["--repository-file", file.string + "-missing"]) }
    try write(Array(" \n".utf8), to: file)
    let error = #expect(throws: CommandError.self) { try location(["--repository-file", file.string]) }
    #expect(error?.message?.contains("\(file) is empty") == true)
  }

  @Test("a location and a file exclude each other, wherever they come from, as in restic")
  func exclusion() {
    #expect(throws: CommandError.self) { try location(["-r", "/a", "--repository-file", "/b"]) }
    #expect(throws: CommandError.self) { try location(["-r", "/a"], [.repositoryFile: "/b"]) }
    #expect(throws: CommandError.self) { try location(["--repository-file", "/b"], [.repository: "/a"]) }
  }

  @Test("a missing location is an error, and an empty variable counts as missing")
  func missing() {
    #expect(throws: CommandError.self) { try location([]) }
    #expect(throws: CommandError.self) { try location([], [.repository: "", .repositoryFile: ""]) }
  }

  @Test(
    "an unknown storage is an error", arguments: ["s3:bucket", "sftp:u:p@h:/p", "foo:bar", ""])
  func schemes(text: String) {
    #expect(throws: CommandError.self) { try location(["-r", text]) }
  }

  @Test("a REST server gets the user of the variables if the URL names none, also for a location from a file")
  func server() throws {
    let variables: [Environment.Variable: String] = [.restUser: "bob", .restPassword: "geheim"]
    func credentials(_ text: String) throws -> HTTPCredentials? {
      let location = try RepositoryOptions.parse(["-r", text]).location(Environment(variables))
      guard case .rest(let server) = location else { return nil }
      return server.credentials
    }
    #expect(try credentials("rest:http://nas/v") == HTTPCredentials(user: "bob", password: "geheim"))
    #expect(try credentials("rest:http://al@nas/v") == HTTPCredentials(user: "al", password: nil))
    #expect(try location(["-r", "rest:http://nas/v"], variables) == "rest:http://nas/v/")
  }

  @Test(
    "git's credential helpers get the server and the path",
    arguments: [
      ("rest:https://u:geheim@nas:8000/a/b", "nas:8000", "a/b/"), ("rest:http://nas", "nas", ""),
      ("rest:http+unix:///run/x.sock:/v", "localhost", "run/x.sock:/v/"), ("/srv/vault", "localhost", "srv/vault"),
      ("s3:https://nas:9000/vault/a/b", "nas:9000", "vault/a/b/"),
      ("s3:s3.amazonaws.com/vault", "s3.amazonaws.com", "vault/"),

      ("sftp:nas:/srv/vault", "nas", "srv/vault"), ("sftp:bob@nas:vault", "bob@nas", "~/vault"),
      ("sftp://bob@[::1]:22//v", "bob@[::1]:22", "v"),
      ("rclone:cloud:a/b", "rclone", "cloud:a/b"), ("rclone:cloud,pass=geheim:a/b", "rclone", "cloud,***:a/b"),
    ])
  func credentialPlace(text: String, host: String, path: String) throws {
    let place = try #require(CredentialPlace(try BackendLocation.parse(text)))
    #expect(place.description == "protocol=restic\nhost=\(host)\npath=\(path)\nusername=restic\n")
  }

  @Test("a relative folder becomes absolute: the serving process leaves the working directory")
  func relative() throws {
    #expect(try location(["-r", "vault/../other"]).hasPrefix("/"))
    #expect(try location(["-r", "vault/../other"]).hasSuffix("/other"))
  }

  @Test("the program waits five minutes for locks, or as long as the option says")
  func retryLock() throws {
    #expect(try RepositoryOptions.parse([]).retryLock == .seconds(300))
    #expect(try RepositoryOptions.parse(["--retry-lock", "1h30m"]).retryLock == .seconds(5400))
    #expect(throws: (any Error).self) { try RepositoryOptions.parse(["--retry-lock", "5"]) }
  }
}
