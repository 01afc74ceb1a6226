import ResticTestSupport
import SystemPackage
import Testing

extension MountedRepository {
  /// Pushes a history through a network to `upstream` in which connections break and answers get lost, and a server that is busy now
  /// and then, and expects it to be there and whole. The repository is at `location` of the port; `busy` is the server's answer when it is busy.
  func expectKeptThroughFaults(
    upstream: UInt16, busy: String, at location: (_ port: UInt16) -> String
  ) async throws {
    let answer = Array("HTTP/1.1 \(busy)\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n".utf8)
    let proxy = try FaultProxy(upstream: upstream) { request in
      switch request.number % 44 {
      case 10: .cut
      case 21: .loseAnswer
      case 32: .truncate(1)
      case 43: .answer(answer)
      default: .delay(.milliseconds(5))
      }
    }
    let source = try await makeHistory(commits: 40)
    try await mount(["-r", location(proxy.port)])
    try await git(["push", "--quiet", "--mirror", mountpoint.string], in: source)
    try await unmount()
    try await mount(["-r", location(proxy.port), "--read-only"])
    #expect(try await refs() == refs(source))
    try await git(["fsck", "--strict", "--full"])
    try await unmount()
    #expect(proxy.requests.count > 44)
    proxy.stop()
  }
}
