import Foundation
import SystemPackage

/// A `git` before the real one in PATH, by which a test stops or kills it, and the process that serves the mount, at a step.
///
/// A file in the test's folder says what happens at `git … STEP`: `hold STEP` waits until the file is gone; `git STEP SECONDS`
/// kills git after that time, `mount STEP SECONDS` the process that has started git. `change N` holds git before its Nth change of a
/// folder, and kills it when the file is gone.
struct SlowGit {
  let vault: MountedRepository

  /// The folder to put before the others in PATH.
  var folder: FilePath { vault.path("slow") }
  private var order: String { vault.path("slow-order").string }

  init(_ vault: MountedRepository) throws {
    self.vault = vault
    try vault.makeFolder("slow")
    let script = """
      #!/bin/bash
      PATH=${PATH#\(vault.path("slow")):}
      read -r what step after <\(vault.path("slow-order")) 2>/dev/null || exec git "$@"
      if [[ "$what" = change ]]; then
        export STEP="$step" STEP_COUNT=\(vault.path("slow-count")) STEP_HELD=\(vault.path("slow-held"))
        export STEP_ORDER=\(vault.path("slow-order")) LD_PRELOAD=\(vault.path("slow/steps.so"))
        exec git "$@"
      fi
      [[ " $* " = *" $step "* ]] || exec git "$@"
      case "$what" in
        hold) : >\(vault.path("slow-held")); while [[ -e \(vault.path("slow-order")) ]]; do sleep 0.02; done ;;
        git) (sleep "$after"; kill -9 $$) & ;;  # Any moment will do.
        mount) (sleep "$after"; kill -9 $PPID) & ;;  # Any moment will do.
      esac
      exec git "$@"

      """
    let path = folder.appending("git").string
    try Data(script.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  }

  /// Makes the order `change` possible: needs a C compiler; Swift brings one with it.
  func prepareChanges() async throws {
    try Data(Self.changes.utf8).write(to: URL(fileURLWithPath: folder.appending("steps.c").string))
    try await vault.shell("$(command -v cc || command -v clang) -shared -fPIC -o steps.so steps.c -ldl", in: folder)
  }

  /// A library before libc: counts the calls by which git makes, renames and removes names, in all its processes together.
  private static let changes = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <fcntl.h>
    #include <signal.h>
    #include <stdarg.h>
    #include <stdlib.h>
    #include <sys/stat.h>
    #include <unistd.h>
    #define NEXT(name) __typeof__(name) *next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

    static int opened(const char *path, int flags, mode_t mode) {
      int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
      return next(path, flags, mode);
    }

    static void step(void) {
      const char *wanted = getenv("STEP");
      if (!wanted) return;
      int count = opened(getenv("STEP_COUNT"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (count < 0 || write(count, ".", 1) != 1) abort();
      struct stat status;
      if (fstat(count, &status)) abort();
      close(count);
      if (status.st_size != atoi(wanted)) return;
      close(opened(getenv("STEP_HELD"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      while (access(getenv("STEP_ORDER"), F_OK) == 0) usleep(5000);
      kill(0, SIGKILL);
    }

    static int made(const char *path, int flags, va_list words) {
      mode_t mode = flags & O_CREAT ? va_arg(words, mode_t) : 0;
      if (flags & O_CREAT) step();
      return opened(path, flags, mode);
    }
    int open(const char *path, int flags, ...) {
      va_list words; va_start(words, flags); int result = made(path, flags, words); va_end(words); return result;
    }
    int open64(const char *path, int flags, ...) {
      va_list words; va_start(words, flags); int result = made(path, flags, words); va_end(words); return result;
    }
    int rename(const char *from, const char *to) { NEXT(rename); step(); return next(from, to); }
    int link(const char *from, const char *to) { NEXT(link); step(); return next(from, to); }
    int unlink(const char *path) { NEXT(unlink); step(); return next(path); }
    int mkdir(const char *path, mode_t mode) { NEXT(mkdir); step(); return next(path, mode); }
    int rmdir(const char *path) { NEXT(rmdir); step(); return next(path); }

    """

  /// From now on `order` is followed.
  func set(_ order: String) throws {
    // The files are there if an order was followed before.
    try? FileManager.default.removeItem(atPath: vault.path("slow-count").string)
    try? FileManager.default.removeItem(atPath: vault.path("slow-held").string)
    try Data((order + "\n").utf8).write(to: URL(fileURLWithPath: self.order))
  }

  /// From now on git works as usual.
  func clear() throws {
    if FileManager.default.fileExists(atPath: order) { try FileManager.default.removeItem(atPath: order) }
  }

  /// Whether git is held.
  var isHeld: Bool { FileManager.default.fileExists(atPath: vault.path("slow-held").string) }

  /// The start of a shell command that runs the program under test with this git.
  var program: String { "PATH=\(folder):$PATH \(vault.program)" }
}
