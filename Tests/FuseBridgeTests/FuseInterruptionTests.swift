import FuseBridge
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A caller can give up a request that waits", .serialized)
struct FuseInterruptionTests {
  @Test(
    "a program that is killed or asked to end dies although its request is never answered",
    arguments: ["KILL", "TERM", "INT", "QUIT"])
  func killed(_ signal: String) throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      let child = try Client.start(["stat", "waits"], in: mount.path, output: 2)
      try waitBlocking { fileSystem.waitingLookupCount == 1 }
      try Client.shell("kill -\(signal) \(child)", in: "/")
      var status: Int32 = -1
      do {
        try waitBlocking { waitpid(child, &status, WNOHANG) != 0 }
      } catch {
        fileSystem.letLookupsGo()
        waitpid(child, &status, 0)
        Issue.record("the program did not die: \(error)")
      }
      #expect(fileSystem.waitingLookupCount == 0)
      try Client.shell("ls", in: mount.path)
    }
  }

  @Test("harmless signals leave a request alone; a kill that follows them ends it")
  func harmlessSignals() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      // The kernel remembers a name that does not exist.
      func program(_ name: String) -> String {
        """
        import signal
        for number in (signal.SIGALRM, signal.SIGURG, signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
            signal.siginterrupt(number, True)
        # Not os.stat, which would try again by itself.
        result = libc.access(b'\(name)', 0)
        assert result == -1 and ctypes.get_errno() == errno.ENOENT, ctypes.get_errno()
        """
      }
      for isKilled in [false, true] {
        let child = try Client.startPython(program("waits\(isKilled)"), in: mount.path, output: 2)
        try waitBlocking { fileSystem.waitingLookupCount > 0 }
        for signal in ["ALRM", "URG", "CHLD", "USR1"] {
          try Client.shell("kill -\(signal) \(child)", in: "/")
          // The kernel hands out interruptions before other requests.
          for _ in 0..<3 { try Client.shell("stat -f .", in: mount.path) }
          #expect(fileSystem.waitingLookupCount == 1, "SIG\(signal) ended a request")
        }
        if isKilled { try Client.shell("kill -KILL \(child)", in: "/") } else { fileSystem.letLookupsGo() }
        var status: Int32 = -1
        waitpid(child, &status, 0)
        #expect(status == (isKilled ? SIGKILL : 0))
        fileSystem.holdLookups()
      }
      fileSystem.letLookupsGo()
    }
  }
}
