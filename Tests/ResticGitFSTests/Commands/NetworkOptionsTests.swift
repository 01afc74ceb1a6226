import ArgumentParser
import Foundation
import ResticCore
import ResticTestSupport
import SystemPackage
import Testing

@testable import ResticGitFS

/// N3, N8.
@Suite("Network options")
struct NetworkOptionsTests {
  private func transport(
    _ arguments: [String], _ environment: [Environment.Variable: String] = [:]
  ) throws -> TransportOptions {
    try NetworkOptions.parse(arguments).transport(Environment(environment))
  }

  @Test("the defaults are restic's")
  func defaults() throws {
    let options = try transport([])
    #expect(options.authorities == nil && options.clientCertificate == nil && !options.trustsAnyServer)
    #expect(options.uploadLimit == nil && options.downloadLimit == nil && options.stuckTimeout == .seconds(300))
  }

  @Test("options take effect, and win over variables")
  func values() throws {
    let options = try transport(
      [
        "--insecure-tls", "--limit-upload", "3", "--limit-download=4", "--stuck-request-timeout", "1m30s",
        "--http-user-agent", "mine",
      ], [.userAgent: "theirs"])
    #expect(options.trustsAnyServer && options.uploadLimit == 3072 && options.downloadLimit == 4096)
    #expect(options.stuckTimeout == .seconds(90) && options.userAgent == "mine")
    #expect(try transport([], [.userAgent: "theirs"]).userAgent == "theirs")
  }

  @Test("the certificates of several files are all trusted; the files are read at once")
  func certificates() throws {
    let directory = try TemporaryDirectory()
    func file(_ name: String, _ text: String) throws -> String {
      let path = directory.path.appending(name).string
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
      return path
    }
    let (one, two) = (try file("one", "-----BEGIN CERTIFICATE-----1"), try file("two", "-----BEGIN CERTIFICATE-----2"))
    func trusted(_ options: TransportOptions) -> String {
      String(decoding: options.authorities ?? [], as: UTF8.self).filter(\.isNumber)
    }
    #expect(trusted(try transport(["--cacert", one, "--cacert", two])) == "12")
    #expect(trusted(try transport(["--cacert", "\(one),\(two)"])) == "12")
    #expect(trusted(try transport([], [.authorities: "\(two),\(one)"])) == "21")
    #expect(trusted(try transport(["--cacert", one], [.authorities: two])) == "1")
    #expect(try transport(["--tls-client-cert", two]).clientCertificate != nil)
    #expect(try transport([], [.clientCertificate: two]).clientCertificate != nil)
    for bad in [try file("none", "hello"), directory.path.appending("missing").string, ""] {
      for option in ["--cacert", "--tls-client-cert"] {
        let error = #expect(throws: CommandError.self) { try transport([option, bad]) }
        #expect(error?.message?.contains(option) == true)
      }
    }
  }

  @Test(
    "invalid values are refused",
    arguments: [
      ["--limit-upload", "-1"], ["--limit-download", "x"], ["--limit-upload", "9999999999"],
      ["--stuck-request-timeout", "0"], ["--stuck-request-timeout", "5"],
    ])
  func refused(arguments: [String]) {
    #expect(throws: (any Error).self) { try NetworkOptions.parse(arguments) }
  }
}
