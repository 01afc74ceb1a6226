import Testing

@testable import ResticCore

/// N6.
@Suite("ProxyRules, as Go has them")
struct ProxyRulesTests {
  private func proxy(_ variables: [String: String], _ url: String) throws -> String? {
    ProxyRules { variables[$0] }.proxy(for: try RESTLocation(url).origin)
  }

  @Test("only the variable of the scheme counts, upper case before lower case")
  func variables() throws {
    let both = ["HTTP_PROXY": "a:1", "https_proxy": "b:2", "ALL_PROXY": "c:3", "http_proxy": "d:4"]
    #expect(try proxy(both, "http://host/") == "http://a:1")
    #expect(try proxy(both, "https://host/") == "http://b:2")
    #expect(try proxy(["ALL_PROXY": "c:3"], "https://host/") == nil)
    #expect(try proxy(["HTTP_PROXY": "", "http_proxy": "d:4"], "http://host/") == "http://d:4")
    #expect(try proxy(["HTTP_PROXY": "a:1", "REQUEST_METHOD": "GET"], "http://host/") == nil)
    #expect(try proxy(["HTTP_PROXY": "a:1"], "http+unix:///run/x.sock:/") == nil)
  }

  @Test(
    "proxies have schemes",
    arguments: [
      ("socks5://p:1", "socks5h://p:1"), ("https://u:s@p", "https://u:s@p"), ("p", "http://p"),
      ("ftp://p", "http://ftp://p"),
    ])
  func schemes(text: String, proxy: String) throws {
    #expect(try self.proxy(["HTTP_PROXY": text], "http://host/") == proxy)
  }

  @Test(
    "this machine is never reached through a proxy", arguments: ["localhost", "127.0.0.1", "127.9.9.9:80", "[::1]"])
  func loopback(host: String) throws {
    #expect(try proxy(["HTTP_PROXY": "p"], "http://\(host)/") == nil)
  }

  @Test(
    "NO_PROXY exempts the hosts that it names, and no others",
    arguments: [
      ("*", "any.where", true), ("example.com", "example.com", true), ("example.com", "a.example.com", true),
      ("example.com", "badexample.com", false), (".example.com", "example.com", false),
      (".example.com", "a.example.com", true), ("*.example.com", "a.example.com", true),
      ("*.example.com", "example.com", false), ("a, EXAMPLE.com ,b", "Example.COM", true),
      ("example.com:8000", "example.com:8000", true), ("example.com:8000", "example.com", false),
      ("example.com:80", "example.com", true), ("10.0.0.0/8", "10.1.2.3", true), ("10.0.0.0/8", "11.1.2.3", false),
      ("10.0.0.0/8", "ten.example.com", false), ("192.168.1.7", "192.168.1.7:99", true),
      ("192.168.1.7:98", "192.168.1.7:99", false), ("fd00::/8", "[fd12::1]", true), ("fd00::/8", "[fe80::1]", false),
      ("[fd12::1]:81", "[fd12::1]:81", true), ("0.0.0.0/0", "8.8.8.8", true), ("10.0.0.0/33", "10.0.0.1", false),
      ("", "host", false), (",,", "host", false), (":80", "host", false),
    ])
  func exceptions(list: String, host: String, isDirect: Bool) throws {
    let proxy = try proxy(["HTTP_PROXY": "p", "NO_PROXY": list], "http://\(host)/")
    #expect((proxy == nil) == isDirect)
  }
}
