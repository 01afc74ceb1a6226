import ArgumentParser
import Foundation
import Glibc
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// U1: how a name reaches a command.
@Suite("The name of a repository on the command line")
struct MountPlacesTests {
  private func places(
    _ arguments: [String], isGiven: Bool = false, isPreset: Bool = false
  ) throws -> MountPlaces {
    try MountPlaces(arguments, isGiven: isGiven, isPreset: isPreset) { name throws(CommandError) in name == "vault" }
  }

  @Test("mount NAME, mount NAME FOLDER and mount FOLDER work")
  func places() throws {
    func expect(_ places: MountPlaces, _ name: String?, _ mountpoint: String?) {
      #expect(places.name == name && places.mountpoint == mountpoint)
    }
    expect(try places(["vault"]), "vault", nil)
    expect(try places(["vault", "/mnt"]), "vault", "/mnt")
    expect(try places(["./vault"], isPreset: true), nil, "./vault")
    // What names neither a repository nor is accompanied by one is named.
    for word in ["nosuch", "./vault", "/srv/vault"] {
      let error = #expect(throws: CommandError.self) { try places([word]) }
      #expect(error?.description.contains("for the mountpoint '\(word)'") == true)
      let isName = error?.description.contains("no configuration file names a repository") == true
      #expect(isName == (word == "nosuch"))
    }
    expect(try places(["vault"], isGiven: true), nil, "vault")
    expect(try places([], isGiven: true), nil, nil)
    // With RESTIC_REPOSITORY a single argument is the mountpoint; two arguments are the name and the mountpoint.
    expect(try places(["vault"], isPreset: true), nil, "vault")
    expect(try places(["vault", "/mnt"], isPreset: true), "vault", "/mnt")
    for isGiven in [false, true] {
      let error = #expect(throws: CommandError.self) { try places(["/srv/vault", "/mnt"], isGiven: isGiven) }
      #expect(error?.description.contains("mount -r /srv/vault /mnt") == true)
    }
  }

  /// Variables that lead to a file with `text`.
  private func environment(
    _ text: String, _ others: [Environment.Variable: String] = [:]
  ) throws -> (Environment, TemporaryDirectory) {
    let folder = try TemporaryDirectory(prefix: "names")
    let file = folder.path.appending("config.toml").string
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    chmod(file, 0o600)
    return (Environment([.configuration: file].merging(others) { $1 }), folder)
  }

  @Test("the command line wins over the file, and the file over the variables")
  func precedence() throws {
    let (environment, folder) = try environment(
      """
      [repositories.vault]
      repository = "/srv/vault"
      password-file = "/file"
      retry-lock = "7s"
      limit-download = 5
      options = { "local.connections" = "3" }
      tag = "git"
      compression = "max"
      """, [.passwordFile: "/variable", .passwordCommand: "variable"])
    defer { withExtendedLifetime(folder) {} }
    func options(_ arguments: [String]) throws -> RepositoryOptions {
      let options = try RepositoryOptions.parse(["-r", "vault"] + arguments)
      return try options.completed(by: try options.entry(environment))
    }
    let plain = try options([])
    #expect(try plain.location(environment) == .local("/srv/vault") && plain.passwordFile == "/file")
    #expect(plain.retryLock == .seconds(7) && plain.options == ["local.connections=3"])
    #expect(plain.network.limitDownloadOption == 5)
    // A variable for the other source neither counts nor stands in the way.
    guard case .file("/file") = try PasswordSource.choose(plain, environment, takePassword: { nil }) else {
      Issue.record("the file's password file counts")
      return
    }
    // One of the two sources of a password excludes the other one of the file.
    let other = try options(["--password-command", "own", "--retry-lock", "1s", "-o", "local.connections=9"])
    #expect(other.passwordFile == nil && other.passwordCommand == "own" && other.retryLock == .seconds(1))
    #expect(other.options == ["local.connections=3", "local.connections=9"])
    let entry = try plain.entry(Environment([.repository: "vault", .configuration: environment[.configuration] ?? ""]))
    #expect(entry == nil, "what was completed names a folder")
    let named = try #require(try RepositoryOptions.parse(["-r", "vault"]).entry(environment))
    #expect(try FilterOptions.parse([]).completed(by: named).tags == ["git"])
    #expect(try FilterOptions.parse(["--host", "h"]).completed(by: named).tags == [])
    #expect(try StorageOptions.parse(["--compression", "off"]).completed(by: named).compression == "off")
    #expect(try StorageOptions.parse([]).completed(by: named).compression == "max")
    #expect(try RepositoryOptions.parse(["-r", "./vault"]).entry(environment) == nil)
  }

  @Test("the error for an invalid duration names the file")
  func badDuration() throws {
    let (environment, folder) = try environment("[repositories.a]\nrepository = '/v'\nretry-lock = 'soon'")
    defer { withExtendedLifetime(folder) {} }
    let options = try RepositoryOptions.parse(["-r", "a"])
    let error = #expect(throws: CommandError.self) { try options.completed(by: try options.entry(environment)) }
    #expect(error?.description.contains("'retry-lock'") == true)
  }
}
