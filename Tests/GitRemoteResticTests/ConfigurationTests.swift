import Testing

@testable import GitRemoteRestic

@Suite("The client's settings and the stored repository's")
struct ConfigurationTests {
  private func remote(_ entries: [String], _ name: String? = "a.b") -> RemoteConfiguration {
    RemoteConfiguration(parsing: Array(entries.joined(separator: "\0").utf8) + [0], remote: name)
  }

  @Test("the settings of the remote are read, those of other remotes are not")
  func remote() {
    let configuration = remote([
      "remote.a.b.resticpath\n/x\ny", "remote.a.b.resticpath\n/z", "remote.a.b.restictag\nt",
      "remote.a.b.restichost\nh",
      "remote.a.resticpath\n/no", "remote.a.b.c.resticpath\n/no", "remote.a.b.url\nrestic::/x", "protocol.version\n1",
      "core.bare",
    ])
    #expect(configuration.paths == ["/x\ny", "/z"])
    #expect(configuration.mountArguments == ["--host=h", "--tag=t", "--path=/x\ny", "--path=/z"])
    #expect(configuration.protocolVersion == 1)
    #expect(
      remote(["remote.a.b.resticpath\n/x", "protocol.version\nnine"], nil)
        == RemoteConfiguration(parsing: [], remote: nil))
  }

  @Test("each option of the storage is passed on unchanged")
  func option() {
    #expect(
      remote(["remote.a.b.resticoption\nx=y,z", "remote.a.b.resticoption\nro"]).mountArguments
        == ["--option=x=y,z", "--option=ro"])
  }

  @Test("restic's keep options are passed on, and nothing else is")
  func keep() throws {
    let keep = { (values: [String]) in
      try self.remote(values.map { "remote.a.b.restickeep\n\($0)" }).keepArguments()
    }
    #expect(try keep([]) == [])
    #expect(
      try keep(["--keep-last 10  --keep-within=1y2m", "keep-daily 7", "keep-weekly -1"])
        == ["--keep-last=10", "--keep-within=1y2m", "--keep-daily=7", "--keep-weekly=-1"])
    for wrong in ["10", "--keep-last", "--option=sftp.command=x", "--keep-last 3 --exec", "-r /x"] {
      #expect(throws: HelperError.self, "\(wrong)") { try keep([wrong]) }
    }
  }

  @Test("the keep-alive time is passed on unchanged; the last one counts, and words like `no` turn it off")
  func keepAlive() {
    #expect(remote([]).keepAlive == nil)
    #expect(remote(["remote.a.b.restickeepalive\n10m"]).keepAlive == "10m")
    for off in ["", "0", "No", "off", "FALSE"] {
      #expect(
        remote(["remote.a.b.restickeepalive\n10m", "remote.a.b.restickeepalive\n\(off)"]).keepAlive == nil, "\(off)")
    }
    #expect(remote(["remote.a.restickeepalive\n10m"]).keepAlive == nil)
  }

  @Test("the cache folder is passed on unchanged; the last one counts, and words like `no` turn the cache off")
  func cache() {
    #expect(
      remote(["remote.a.b.resticcachedir\n/x", "remote.a.b.resticcachedir\n/y"]).mountArguments == ["--cache-dir=/y"])
    for off in ["", "0", "No", "off", "FALSE"] {
      #expect(remote(["remote.a.b.resticcachedir\n\(off)"]).mountArguments == ["--no-cache"], "\(off)")
    }
  }

  @Test(
    "a value that the helper refuses is named with its setting, and the remote's name is passed on for all others",
    arguments: [
      ("resticKeepAlive", "soon"), ("resticMaintenance", "maybe"), ("resticAcceptRollback", "maybe"),
      ("resticCacheDir", "relative"),
    ])
  func refused(key: String, value: String) throws {
    let configuration = remote(["remote.a.b.\(key.lowercased())\n\(value)"])
    let error = #expect(throws: HelperError.self) { try configuration.check() }
    #expect(error?.message?.hasPrefix("remote.a.b.\(key) is '\(value)'; ") == true, "\(String(describing: error))")
    #expect(configuration.nameArguments == ["--remote-name=a.b"] && remote([], nil).nameArguments == [])
    let keep = #expect(throws: HelperError.self) { try remote(["remote.a.b.restickeep\n7"]).keepArguments() }
    #expect(keep?.message?.hasPrefix("remote.a.b.resticKeep is '7'; ") == true)
  }

  @Test("what git takes for true and false counts, and a key without a value is true")
  func switches() throws {
    for (text, value) in [("\n", false), ("\nOFF", false), ("\n0", false), ("", true), ("\nYes", true), ("\n2", true)] {
      let configuration = remote(["remote.a.b.resticmaintenance\(text)", "remote.a.b.resticacceptrollback\(text)"])
      try configuration.check()
      #expect(configuration.isMaintained == value && configuration.acceptsRollback == value, "\(text)")
    }
  }

  @Test("a relative folder of caches is refused")
  func relativeCacheFolder() throws {
    #expect(throws: HelperError.self) { try remote(["remote.a.b.resticcachedir\nrelative"]).check() }
    for value in ["/x", "false"] { try remote(["remote.a.b.resticcachedir\n\(value)"]).check() }
  }

  @Test(
    "any value that git takes for true accepts an older state, and the mount stays the same")
  func acceptedRollback() {
    #expect(!remote([]).acceptsRollback)
    for on in ["remote.a.b.resticacceptrollback", "remote.a.b.resticacceptrollback\ntrue"] {
      #expect(remote([on]).acceptsRollback && remote([on]).mountArguments.isEmpty)
      #expect(!remote([on, "remote.a.b.resticacceptrollback\nfalse"]).acceptsRollback)
    }
    #expect(!remote(["remote.a.resticacceptrollback\ntrue"]).acceptsRollback)
  }

  @Test("git's server programs get neither the client's repository, nor restic's variables, nor a storage's keys")
  func environment() throws {
    let environment = ProcessEnvironment(values: [
      "GIT_DIR": "/x", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a", "GIT_CONFIG_VALUE_0": "b",
      "RESTIC_PASSWORD": "p", "AWS_SECRET_ACCESS_KEY": "s", "MINIO_SECRET_KEY": "s",
      "RESTIC_REPOSITORY": "r", "GIT_TRACE": "1", "GIT_EXEC_PATH": "/e", "PATH": "/bin",
    ])
    let server = environment.forServer(protocolVersion: 2).values
    #expect(server["GIT_TRACE"] == "1" && server["GIT_EXEC_PATH"] == "/e" && server["PATH"] == "/bin")
    #expect(
      server["GIT_PROTOCOL"] == "version=2" && environment.forServer(protocolVersion: 0).values["GIT_PROTOCOL"] == nil)
    #expect(server.keys.allSatisfy { !$0.hasPrefix("RESTIC") && !$0.hasPrefix("GIT_CONFIG") && $0 != "GIT_DIR" })
    #expect(server["AWS_SECRET_ACCESS_KEY"] == nil && server["MINIO_SECRET_KEY"] == nil)
    let mount = environment.forMount(of: try RemoteLocation("restic::rest:http://u:p@h/"))
    #expect(
      mount["RESTIC_PASSWORD"] == "p" && mount["AWS_SECRET_ACCESS_KEY"] == "s"
        && mount["RESTIC_REPOSITORY"] == "rest:http://u:p@h/")
  }
}
