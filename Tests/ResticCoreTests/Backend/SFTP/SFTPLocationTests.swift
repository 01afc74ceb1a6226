import Testing

@testable import ResticCore

/// H1: the location of an SSH server, and ssh's arguments.
@Suite("SFTPLocation")
struct SFTPLocationTests {
  private func location(_ text: String) throws -> SFTPLocation {
    guard case .sftp(let location) = try BackendLocation.parse("sftp:" + text) else {
      throw BackendLocationError.empty
    }
    return location
  }

  private func words(_ text: String, _ options: String...) throws -> [String] {
    var values = try OptionValues(options, of: "sftp")
    let options = try SFTPOptions(&values)
    try values.finish()
    return ServiceCommand(try location(text), options, connectLimit: .seconds(30)).words
  }

  // Source for the first nine: restic, internal/backend/sftp/config_test.go.
  private static let locations: [(String, String?, String, Int?, String)] = [
    ("//user@host/dir/subdir", "user", "host", nil, "dir/subdir"),
    ("//host/dir/subdir", nil, "host", nil, "dir/subdir"),
    ("//host//dir/subdir", nil, "host", nil, "/dir/subdir"), ("//host:10022//dir", nil, "host", 10022, "/dir"),
    ("//user@host/dir/subdir/../other", "user", "host", nil, "dir/other"),
    ("//user@host/dir///subdir", "user", "host", nil, "dir/subdir"), ("//user@[::1]/dir", "user", "::1", nil, "dir"),
    ("//user@[::1]:22/dir", "user", "::1", 22, "dir"), ("user@host:/dir/subdir", "user", "host", nil, "/dir/subdir"),
    ("user@domain@host:/dir", "user@domain", "host", nil, "/dir"), ("host:../dir", nil, "host", nil, "../dir"),
    ("user@host:dir/subdir:suffix", "user", "host", nil, "dir/subdir:suffix"), ("host:", nil, "host", nil, "."),
    ("//host/", nil, "host", nil, "."), ("//host:/x", nil, "host", nil, "x"),
    ("host:a/../..", nil, "host", nil, ".."),
    ("host:/../a/./b//", nil, "host", nil, "/a/b"), ("//u%40d@host/a%20b%25", "u@d", "host", nil, "a b%"),
    ("//[fe80::1%25eth0]:2222//v", nil, "fe80::1%eth0", 2222, "/v"), ("host:a?b#c", nil, "host", nil, "a?b#c"),
    ("host:é/x y", nil, "host", nil, "é/x y"), ("DOM\\user@host:v", "DOM\\user", "host", nil, "v"),
  ]

  @Test(
    "locations have the same meaning as in restic",
    arguments: locations)
  func meaning(text: String, user: String?, host: String, port: Int?, path: String) throws {
    let location = try location(text)
    #expect(location.user == user && location.host == host && location.port == port && location.path == path)
    // The printed location means the same.
    let printed = try BackendLocation.parse(
      location.description.replacing("%eth0", with: "%25eth0").replacing("b%", with: "b%25"))
    guard case .sftp(let again) = printed else { return }
    #expect(again.host == host && again.port == port && again.path == path)
  }

  @Test(
    "a location that ssh or a shell might interpret, and an impossible location, are refused",
    arguments: [
      "host", "//host", "//host:dir", "host:~/dir", "//host/~", "//host:0/x", "//host:65536/x", "//host:x/y",
      "//[::1/x",
      "[::1]:x", "-oProxyCommand=x:dir", "//-oProxyCommand=x/dir", "-x@host:dir", "a -x@host:dir", ":dir", "@:dir",
      "//@/dir", "ho st:dir", "$(x):dir", "`x`:dir", "a;b:dir", "a|b@host:x", "//host%24(x)/dir", "//host/a%zz",
      "//host/a?b", "//host/a#b", "//host/a%0ab", "//a%0ab/c", "//u%1bx@host/c", "ho\nst:dir", "host:di\u{1}r", "",
    ])
  func refused(text: String) {
    let error = #expect(throws: BackendLocationError.self) { try BackendLocation.parse("sftp:" + text) }
    guard case .malformed(scheme: "sftp", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(
    "a password is refused and not printed; a folder whose name looks like a password is written with ./",
    arguments: [
      "//user:geheim@host/dir", "//user:ge:heim@host:22//dir", "user:geheim@host:dir", "user:geheim@host:/dir",
    ])
  func password(text: String) throws {
    let error = #expect(throws: BackendLocationError.self) { try BackendLocation.parse("sftp:" + text) }
    let said = "\(String(describing: error)) \(error?.description ?? "")"
    #expect(said.contains("must not contain a password") && !said.contains("heim"))
    let (relative, absolute) = (try location("host:./a@b:c"), try location("host:/a@b:c"))
    #expect(relative.path == "a@b:c" && absolute.path == "/a@b:c")
  }

  @Test("ssh gets restic's arguments, and keep-alive options after the user's own")
  func command() throws {
    let own = [
      "-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=3", "-s", "sftp",
    ]
    #expect(try words("host:x") == ["ssh", "host"] + own)
    #expect(try words("user@host:x") == ["ssh", "host", "-l", "user"] + own)
    #expect(try words("//user@host:10022//x") == ["ssh", "host", "-p", "10022", "-l", "user"] + own)
    #expect(try words("//user@[::1]:22/x") == ["ssh", "::1", "-p", "22", "-l", "user"] + own)
    #expect(
      try words("host:x", "sftp.args=-i '/a b' -o ServerAliveInterval=5")
        == ["ssh", "host", "-i", "/a b", "-o", "ServerAliveInterval=5"] + own)
    #expect(try words("host:x", "sftp.command=\"my ssh\" a b", "sftp.args=") == ["my ssh", "a", "b"])
  }

  @Test(
    "invalid options are refused, and no command line is printed",
    arguments: [
      ["sftp.command=ssh -p geheim", "sftp.args=-i x"], ["sftp.command=ssh 'geheim"], ["sftp.args=\"geheim"],
      ["sftp.connections=0"], ["sftp.immediate-listings=yes"], ["sftp.layout=s3legacy"], ["sftp.other=1"],
      ["sftp.command=''"],
    ])
  func options(texts: [String]) throws {
    let error = #expect(throws: OptionError.self) {
      var values = try OptionValues(texts, of: "sftp")
      _ = try SFTPOptions(&values)
      try values.finish()
    }
    #expect(!"\(String(describing: error))".contains("geheim"))
  }

  @Test("sftp.connections, sftp.immediate-listings and an old sftp.layout are accepted")
  func values() throws {
    var values = try OptionValues(
      ["sftp.connections=9", "sftp.immediate-listings=true", "sftp.layout=default"], of: "sftp")
    let options = try SFTPOptions(&values)
    try values.finish()
    #expect(options.connections == 9 && options.hasImmediateListings && options.command == nil)
  }
}
