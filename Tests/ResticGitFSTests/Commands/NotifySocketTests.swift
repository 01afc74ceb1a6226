import Testing

@testable import ResticGitFS

@Suite("What a service manager is told")
struct NotifySocketTests {
  @Test("assignments are the protocol's, and a text cannot add one")
  func text() {
    #expect(NotifySocket.Notice.ready.text == "READY=1")
    #expect(NotifySocket.Notice.stopping.text == "STOPPING=1")
    #expect(NotifySocket.Notice.extendTimeout(.seconds(60)).text == "EXTEND_TIMEOUT_USEC=60000000")
    #expect(NotifySocket.Notice.status("a\nREADY=1\r\nb").text == "STATUS=a READY=1 b")
  }

  @Test("sockets are files and abstract names; anything else is none")
  func addresses() {
    for address in ["/run/systemd/notify", "@/org/freedesktop/notify", "@" + String(repeating: "a", count: 106)] {
      #expect(NotifySocket(address: address) != nil)
    }
    for address in ["", "/", "@", "vsock:2:1234", "relative", "/" + String(repeating: "a", count: 107)] {
      #expect(NotifySocket(address: address) == nil)
    }
  }
}
