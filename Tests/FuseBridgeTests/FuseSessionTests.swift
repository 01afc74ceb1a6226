import FuseBridge
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A session mounts, serves and ends", .serialized)
struct FuseSessionTests {
  @Test("the mount shows its type, source and flags")
  func mountInformation() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      let line = try #require(mount.mountInformation)
      #expect(line.contains(" - fuse.restic-gitfs restic:/srv/vault,\\040\\134odd "))
      for flag in ["rw", "nosuid", "nodev", "noexec", "default_permissions"] { #expect(line.contains(flag)) }
      #expect(!line.contains("allow_other"))
    }
  }

  @Test("options change the flags, but never suid, dev and the permission checks")
  func options() throws {
    var options = Mount.options
    options.readOnly = true
    // Others need a line in /etc/fuse.conf for that.
    options.allowOther = geteuid() == 0
    options.allowExecution = true
    options.additionalOptions = ["suid", "dev", "noatime"]
    try Mount.with(MemoryFileSystem(), options: options) { mount in
      let line = try #require(mount.mountInformation)
      for flag in ["ro", "nosuid", "nodev", "noatime", "default_permissions"] { #expect(line.contains(flag)) }
      #expect(line.contains("allow_other") == (geteuid() == 0))
      #expect(!line.contains("noexec"))
      try Client.python("fails(errno.EROFS, os.mkdir, 'd')", in: mount.path)
    }
  }

  @Test("programs on the mount do not run unless the options allow it", arguments: [true, false])
  func execution(allowed: Bool) throws {
    var options = Mount.options
    options.allowExecution = allowed
    try Mount.with(MemoryFileSystem(), options: options) { mount in
      let result = try Client.run(["/bin/sh", "-ec", "cp /bin/true t; ./t"], in: mount.path)
      #expect(result.status == (allowed ? 0 : 126))
    }
  }

  @Test("fusermount3 -u ends the session")
  func unmountFromOutside() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.shell("echo hello > a", in: mount.path)
      try Client.shell("fusermount3 -u \(mount.path)", in: "/")
      #expect(try mount.waitForEnd() == .unmounted)
      #expect(throws: Never.self) { try mount.session.unmount() }
      mount.session.requestExit()
      #expect(throws: Never.self) { try mount.session.notifier.invalidateInode(1) }
    }
  }

  @Test("unmount refuses while a file is in use, and ends the session afterwards")
  func unmount() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      let child = try Client.start(["sleep", "3600"], in: mount.path, output: 2)
      // The child needs a moment to change its directory.
      try waitBlocking {
        try Client.run(["readlink", "/proc/\(child)/cwd"], in: "/").output == mount.path.string + "\n"
      }
      #expect(throws: Errno.resourceBusy) { try mount.session.unmount() }
      kill(child, SIGKILL)
      waitpid(child, nil, 0)
      try mount.session.unmount()
      #expect(try mount.waitForEnd() == .unmounted)
    }
  }

  @Test("a requested exit wakes an idle session")
  func requestExit() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.shell("echo hello > a", in: mount.path)
      mount.session.requestExit()
      mount.session.requestExit()
      #expect(try mount.waitForEnd() == .exitRequested)
      #expect(mount.mountInformation == nil)
    }
  }

  @Test("a requested exit ends a mount that is in use, and its users get an error")
  func requestExitWhileBusy() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.shell("mkdir d; echo ok > d/ready", in: mount.path)
      let program = """
        import os, time
        f = os.open('held', os.O_CREAT | os.O_RDWR)
        os.mkdir('waiting')
        while True:
            try:
                os.stat('new-%f' % time.time())
            except FileNotFoundError:
                time.sleep(0.001)  # the pause between two calls
            except OSError as error:
                os._exit(error.errno)
        """
      let child = try Client.start(["python3", "-c", program], in: mount.path, output: 2)
      try waitBlocking { fileSystem.inode(at: "waiting") != nil }
      mount.session.requestExit()
      #expect(try mount.waitForEnd() == .exitRequested)
      var status: Int32 = 0
      waitpid(child, &status, 0)
      #expect([ENOTCONN, ECONNABORTED].contains(status >> 8))
    }
  }

  @Test("an exit requested right after the mount ends the session", arguments: 0..<20)
  func requestExitEarly(_ round: Int) throws {
    try Mount.with(MemoryFileSystem()) { mount throws in
      usleep(UInt32(round * 100))  // Any moment will do.
      mount.session.requestExit()
      #expect(try mount.waitForEnd() == .exitRequested)
    }
  }

  @Test("a session that never ran unmounts")
  func droppedSession() throws {
    var template = TemporaryPath.template("mount")
    let path = FilePath(platformString: try #require(mkdtemp(&template)))
    var session: FuseSession? = try FuseSession(
      fileSystem: MemoryFileSystem(), mountpoint: path, options: Mount.options)
    #expect(session?.mountpoint == path)
    #expect(Mount.lines(containing: path.string).count == 1)
    session = nil
    #expect(Mount.lines(containing: path.string).isEmpty)
    #expect(rmdir(path.string) == 0)
  }

  @Test("a second session serves the same file system")
  func secondSession() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.shell("mkdir d; echo first > d/f", in: mount.path)
      try mount.session.unmount()
      #expect(try mount.waitForEnd() == .unmounted)
    }
    try Mount.with(fileSystem) { mount throws in
      #expect(try Client.shell("cat d/f; echo second > d/f", in: mount.path) == "first\n")
    }
    #expect(fileSystem.content(at: "d/f") == Array("second\n".utf8))
    #expect(fileSystem.callCounts["connectionEnded"] == 2)
  }

  @Test("a bad mountpoint is refused with its reason")
  func badMountpoint() {
    #expect(throws: FuseSessionError.badMountpoint("/nowhere/at/all", .noSuchFileOrDirectory)) {
      try FuseSession(fileSystem: MemoryFileSystem(), mountpoint: "/nowhere/at/all", options: Mount.options)
    }
    #expect(throws: FuseSessionError.badMountpoint("/etc/passwd", .notDirectory)) {
      try FuseSession(fileSystem: MemoryFileSystem(), mountpoint: "/etc/passwd", options: Mount.options)
    }
  }

  @Test("an unknown option is refused")
  func badOptions() {
    var options = Mount.options
    options.additionalOptions = ["frobnicate=yes"]
    #expect {
      try FuseSession(fileSystem: MemoryFileSystem(), mountpoint: "/mnt", options: options)
    } throws: { error in
      guard case .badOptions(let options) = error as? FuseSessionError else { return false }
      return options.contains("frobnicate=yes")
    }
  }

  @Test("no signal handler is installed")
  func signals() throws {
    let signals = [SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1]
    func handlers() -> [UInt] {
      signals.map { signal in
        var action = sigaction()
        sigaction(signal, nil, &action)
        return UInt(bitPattern: unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self))
      }
    }
    let before = handlers()
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.shell("ls", in: mount.path)
      #expect(handlers() == before)
    }
  }

  @Test("fifty reads that wait leave room for others")
  func slowReads() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.shell("for n in $(seq 50); do mkdir d$n; done", in: mount.path)
      for number in 1...50 { fileSystem.plant("slow\(number)", content: Array("late\n".utf8)) }
      let child = try Client.start(
        ["/bin/sh", "-ec", "for n in $(seq 50); do cat slow$n > /dev/null & done; wait"], in: mount.path, output: 2)
      try waitBlocking { fileSystem.waitingReadCount == 50 }
      try Client.shell("echo quick > d1/f; ls d2", in: mount.path)
      fileSystem.letSlowReadsGo()
      var status: Int32 = -1
      waitpid(child, &status, 0)
      #expect(status == 0)
    }
  }

  @Test("fifty lookups that wait, all in one directory, leave room for others")
  func slowLookups() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      // The kernel blocks changes of a directory in which a lookup waits.
      try Client.shell("mkdir slow quick", in: mount.path)
      let child = try Client.start(
        ["/bin/sh", "-ec", "for n in $(seq 50); do test ! -e slow/waits$n & done; wait"], in: mount.path, output: 2)
      try waitBlocking { fileSystem.waitingLookupCount == 50 }
      try Client.shell("for n in $(seq 200); do echo $n > quick/$n; cat quick/$n > /dev/null; done", in: mount.path)
      fileSystem.letLookupsGo()
      var status: Int32 = -1
      waitpid(child, &status, 0)
      #expect(status == 0)
      #expect(try Client.shell("cat quick/200; ls quick | wc -l", in: mount.path) == "200\n200\n")
    }
  }

  @Test("many programs at once are all answered")
  func manyPrograms() throws {
    try Mount.with(MemoryFileSystem()) { mount in
      try Client.shell(
        """
        for n in $(seq 12); do
          (mkdir d$n; for m in $(seq 40); do echo $m > d$n/$m; mv d$n/$m d$n/x$m; cat d$n/x$m > d$n/y$m; done) &
        done
        wait
        """, in: mount.path)
      #expect(try Client.shell("find . -type f | wc -l; cat */y40 | sort -u", in: mount.path) == "960\n40\n")
    }
  }

  @Test("the kernel forgets every inode that it has looked up")
  func forget() throws {
    let fileSystem = MemoryFileSystem()
    try Mount.with(fileSystem) { mount in
      try Client.shell("mkdir -p a/b; for n in $(seq 200); do echo $n > a/b/$n; ln a/b/$n a/$n; done", in: mount.path)
      try Client.shell("ls -lR > /dev/null; mv a c; rm -r c", in: mount.path)
      try waitBlocking { fileSystem.heldByKernel == (0, 0) }
      #expect(fileSystem.inodeCount == 1)
      #expect(fileSystem.callCounts["forget", default: 0] > 0)
    }
  }
}
