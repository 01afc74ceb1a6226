import Testing

@testable import ResticCore

@Suite("S3Location")
struct S3LocationTests {
  /// The first lines are restic's own tests.
  @Test(
    "restic's locations give the server, the bucket and the prefix of keys",
    arguments: [
      ("//eu-central-1/bucketname", "https://eu-central-1", "bucketname", ""),
      ("//eu-central-1/bucketname/", "https://eu-central-1", "bucketname", ""),
      ("//eu-central-1/bucketname/prefix/directory", "https://eu-central-1", "bucketname", "prefix/directory/"),
      ("//eu-central-1/bucketname/prefix/directory/", "https://eu-central-1", "bucketname", "prefix/directory/"),
      ("eu-central-1/foobar", "https://eu-central-1", "foobar", ""),
      ("eu-central-1/foobar/", "https://eu-central-1", "foobar", ""),
      ("eu-central-1/foobar/prefix/directory/", "https://eu-central-1", "foobar", "prefix/directory/"),
      ("hostname.foo/foobar", "https://hostname.foo", "foobar", ""),
      ("https://hostname/foobar", "https://hostname", "foobar", ""),
      ("https://hostname:9999/foobar/", "https://hostname:9999", "foobar", ""),
      ("http://hostname:9999/foobar", "http://hostname:9999", "foobar", ""),
      ("http://hostname:9999/bucket/prefix/directory/", "http://hostname:9999", "bucket", "prefix/directory/"),
      ("hostname:9000/b", "https://hostname:9000", "b", ""), ("https://HOST:443/b", "https://host", "b", ""),
      ("http://host:80/b", "http://host", "b", ""), ("http://host:443/b", "http://host:443", "b", ""),
      ("http://[::1]:9000/b/x", "http://[::1]:9000", "b", "x/"), ("http://host:/b", "http://host", "b", ""),
      ("https://host/a%20b/x%2Fy%3F", "https://host", "a b", "x/y?/"), ("host/b/a%20b", "https://host", "b", "a%20b/"),
      ("host/b/a?b#c", "https://host", "b", "a?b#c/"), ("host/b/é", "https://host", "b", "é/"),
      ("host/b/./x//y/../z/", "https://host", "b", "x/z/"), ("host/b/x/..", "https://host", "b", ""),
      ("host/b/.", "https://host", "b", ""), ("host/b//x", "https://host", "b", "/x/"),
      ("host/b//", "https://host", "b", "/"),
      ("host/b//../x", "https://host", "b", "/x/"),
    ])
  func parsing(text: String, origin: String, bucket: String, keyBase: String) throws {
    guard case .s3(let location) = try BackendLocation.parse("s3:\(text)") else {
      Issue.record("\(text) is no bucket")
      return
    }
    #expect(location.origin.description == origin)
    #expect(location.bucket == bucket)
    #expect(location.keyBase.hasBytes(of: keyBase))
    #expect(location.description == "s3:\(text)")
  }

  @Test(
    "an invalid location is refused, and the message quotes nothing of it",
    arguments: [
      "", "/", "//", "//secret", "///secret/x", "/secret/prefix", "secret", "host/", "https://secret",
      "https:///secret",
      "https://host/", "http:secret/b", "httpx://secret/b", "http+unix:///secret:/b/x", "HTTP://secret/b/x",
      "https://host/%secret", "https://host/b?secret", "https://host/b#secret", "https://key:secret@host/b",
      "key:secret@host/b", "secret@host/b", "host:secret/b", "host:70000/b", "ho st/secret", "host/b/../../secret",
      "host/b/..", "host/b/\nsecret", "https://host/b%00secret", "höst/b",
    ])
  func refused(text: String) {
    let error = #expect(throws: BackendLocationError.self) { try BackendLocation.parse("s3:\(text)") }
    #expect(error?.description.contains("s3:") == true)
    #expect(error.map { "\($0)".contains("secret") || $0.description.contains("secret") } == false)
  }

  @Test("keys are restic's: packs in folders of two digits, everything else flat")
  func keys() throws {
    let name = String(repeating: "ab", count: 32)
    for (text, base) in [("h/b", ""), ("h/b/p/q/", "p/q/"), ("h/b//p", "/p/")] {
      let location = try S3Location(text)
      #expect(location.key(of: .config) == "\(base)config")
      for (type, folder) in [
        (BackendFileType.data, "data/ab"), (.index, "index"), (.key, "keys"), (.lock, "locks"),
        (.snapshot, "snapshots"),
      ] {
        let file = try #require(BackendFile(type: type, name: name))
        #expect(location.key(of: file) == "\(base)\(folder)/\(name)")
        #expect(location.key(of: file).hasPrefix(location.folderKey(of: type)))
      }
    }
  }
}
