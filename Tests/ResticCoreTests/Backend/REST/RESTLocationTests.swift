import Testing

@testable import ResticCore

/// N1, N2.
@Suite("RESTLocation")
struct RESTLocationTests {
  @Test(
    "the locations that restic accepts lead to restic's requests",
    arguments: [
      ("http://localhost:1234", "http://localhost:1234", "/"),
      ("http://localhost:1234/", "http://localhost:1234", "/"),
      ("http://localhost:1234/foo/bar", "http://localhost:1234", "/foo/bar/"),
      ("HTTPS://nas/vault", "https://nas", "/vault/"), ("https://nas:/x//y/", "https://nas", "/x//y/"),
      ("http://[::1]:8000/a", "http://[::1]:8000", "/a/"), ("http://[fe80::1]", "http://[fe80::1]", "/"),
      ("http://nas/a b/é", "http://nas", "/a%20b/%C3%A9/"), ("http://nas/a%2Fb%20c", "http://nas", "/a%2Fb%20c/"),
      ("http://nas/../x/.", "http://nas", "/../x/./"), ("http://u@nas/", "http://nas", "/"),
      ("http://u:p@nas:1/x", "http://nas:1", "/x/"), ("http://u:p@x@nas/", "http://nas", "/"),
      ("http+unix:///run/vault.sock:/a/b", "http+unix:///run/vault.sock:", "/a/b/"),
      ("http+unix:///run/vault.sock:", "http+unix:///run/vault.sock:", "/"),
      ("http+unix:///run/a%20b:x/", "http+unix:///run/a b:", "/x/"),
    ])
  func parsing(text: String, origin: String, path: String) throws {
    guard case .rest(let location) = try BackendLocation.parse("rest:\(text)") else {
      Issue.record("\(text) is no REST server")
      return
    }
    #expect(location.origin.description == origin)
    #expect(location.path == path)
  }

  @Test(
    "an invalid location is refused, and the message quotes nothing of it",
    arguments: [
      "", "/srv/secret", "secret", "ftp://secret/", "http:/secret", "http://", "http:///secret", "http://u:secret@/",
      "http://host:secret/", "http://host:70000/secret", "http://host:-1/secret", "http://[::1/secret",
      "http://[::1]secret/", "http://u:sec#ret@host/", "http://u:sec?ret@host/", "http://u:%zzsecret@host/",
      "http://host/%secret", "http://host/se\ncret", "http://host/%00secret", "http://a b/secret",
      "http+unix://secret/x:/", "http+unix:///secret",
    ])
  func refused(text: String) {
    let error = #expect(throws: BackendLocationError.self) { try BackendLocation.parse("rest:\(text)") }
    #expect(error?.description.contains("rest:") == true)
    #expect(error.map { "\($0)".contains("secret") || $0.description.contains("ret@") } == false)
  }

  @Test(
    "users and passwords are percent-decoded, and no password is printed",
    arguments: [
      ("u", "u", nil, "rest:http://u@nas/v/"), ("u:", "u", "", "rest:http://u:***@nas/v/"),
      ("u:geheim", "u", "geheim", "rest:http://u:***@nas/v/"), (":geheim", "", "geheim", "rest:http://:***@nas/v/"),
      ("u%40x:ge%3Aheim", "u@x", "ge:heim", "rest:http://u@x:***@nas/v/"),
      ("u:ge:heim@x", "u", "ge:heim@x", "rest:http://u:***@nas/v/"),
    ])
  func credentials(text: String, user: String, password: String?, description: String) throws {
    let location = try BackendLocation.parse("rest:http://\(text)@nas/v/")
    #expect(location.description == description)
    guard case .rest(let server) = location else { return }
    #expect(server.credentials == HTTPCredentials(user: user, password: password))
    var dumped = ""
    dump(location, to: &dumped)
    dump(RESTBackend(server, options: TransportOptions()), to: &dumped)
    dumped += "\(location) \(String(reflecting: location)) \(String(describing: server.credentials))"
    #expect(!dumped.contains("heim"))
  }

  @Test("the user of the variables counts if the URL names neither user nor password, and is not printed")
  func defaults() throws {
    let other = HTTPCredentials(user: "env", password: "geheim")
    #expect(try RESTLocation("http://nas/").withDefault(other).credentials == other)
    #expect(try RESTLocation("http://nas/").withDefault(other).description == "rest:http://nas/")
    #expect(try RESTLocation("http://@nas/").withDefault(other).credentials == other)
    for own in ["u", "u:", ":p", "u:p"] {
      #expect(try RESTLocation("http://\(own)@nas/").withDefault(other).credentials != other)
    }
  }

  @Test(
    "an address from a server is printed without its possibly secret parts",
    arguments: [
      ("https://u:p@nas/x?token=1#y", "https://nas/x"), ("/elsewhere?x", "/elsewhere"),
      ("http://nas/a@b", "http://nas/a@b"),
    ])
  func foreignAddress(url: String, shown: String) {
    #expect(RESTLocation.withoutSecrets(url) == shown)
  }
}
