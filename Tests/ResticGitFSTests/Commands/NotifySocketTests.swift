import Testing

@testable import ResticGitFS

@Suite("Notifications for a service manager")
struct NotifySocketTests {
  @Test("assignments follow the protocol, and a text cannot add one")
  func text() {
    #expect(NotifySocket.Notice.ready.text == "READY=1")
    #expect(NotifySocket.Notice.stopping.text == "STOPPING=1")
    #expect(NotifySocket.Notice.extendTimeout(.seconds(60)).text == "EXTEND_TIMEOUT_USEC=60000000")
    #expect(NotifySocket.Notice.status("a\nREADY=1\r\nb").text == "STATUS=a READY=1 b")
  }

  @Test("a socket is a file or an abstract name; anything else is ignored")
  func addresses() {
    for address in ["/run/systemd/notify", "@/org/freedesktop/notify", "@" + String(repeating: "a", count: 106)] {
      #expect(NotifySocket(address: address) != nil)
    }
    for address in ["", "/", "@", "vsock:2:1234", "relative", "/" + String(repeating: "a", count: 107)] {
      #expect(NotifySocket(address: address) == nil)
    }
  }
}
