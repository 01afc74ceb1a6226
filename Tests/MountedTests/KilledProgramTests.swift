import Testing

// "Where it differs from a local disk": the close after a kill.
@Suite("A program that is killed while it changes names")
struct KilledProgramTests {
  /// The kernel sends a file's change time after it removed or renamed a name of the file. If the program is killed in
  /// that instant, the kernel keeps the failure for the next close of the file.
  /// Source: Linux fs/fuse/dir.c, fuse_flush_time_update.
  @Test("leaves every file complete; a close after the kill fails at most once")
  func intact() async throws {
    try await MountedRepository.mounted { vault in
      try await vault.python(
        """
        import random, signal
        random.seed(1)
        def change(number):
            count = 0
            while True:
                new = f"{number}.{count}"
                put(new, b"x" * 5000)
                if count % 2: os.link(new, "kept" + new); os.unlink(new)
                else: os.rename(new, "kept" + new)
                count += 1
        for number in range(60):
            process = os.fork()
            if process == 0:
                try: change(number)
                finally: os._exit(1)
            while not os.path.exists(f"kept{number}.0"): pass
            for _ in range(random.randrange(200)): os.stat(".")
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            for name in os.listdir("."):
                file = os.open(name, os.O_RDONLY)
                if name.startswith("kept"): assert os.read(file, 10000) == b"x" * 5000, name
                try: os.close(file)
                except OSError as error: assert error.errno == errno.EIO, error
                os.close(os.open(name, os.O_RDONLY))
        """)
      // Of a file that the killed program was writing, the kernel has not sent the times either.
      let before = try await vault.listing(times: false)
      try await vault.unmount()
      try await vault.mount(["--no-git-init"])
      try await vault.expect(vault.mountpoint, shows: before, times: false, "in a new mount")
      try await vault.unmount()
      try await vault.expect(try await vault.restored(), shows: before, times: false, "restored by restic")
    }
  }
}
