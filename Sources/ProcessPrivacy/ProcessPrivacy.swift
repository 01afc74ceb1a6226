internal import CLinux
internal import Glibc

/// Keeps a process's memory private, also when the process crashes.
public enum ProcessPrivacy {
  /// The signals of a crash. SIGQUIT is among them: its default action ends with a core dump, too.
  private static let crashSignals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT]

  /// Makes a crash end the process at once, with the signal of the crash and without writing its memory anywhere. Other
  /// processes of the same user cannot read the memory either. Call this first, while there is one thread.
  ///
  /// Swift's runtime installs handlers before `main`. They print registers, which may hold keys, and start
  /// `swift-backtrace`, which keeps this process's descriptors open for as long as it runs: a reader of such a
  /// descriptor would wait for it. The environment variable prevents the same in every child process.
  /// Source: swift, docs/Backtracing.rst; core(5); prctl(2), PR_SET_DUMPABLE.
  public static func begin() {
    var all = sigset_t()
    sigemptyset(&all)
    for number in crashSignals {
      sigaddset(&all, number)
      restoreDefault(number)
    }
    // The parent process may have blocked these signals.
    pthread_sigmask(SIG_UNBLOCK, &all, nil)
    setenv("SWIFT_BACKTRACE", "enable=no", 1)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    // The limit applies to files only: a program that receives core dumps through a pipe (core(5)) still gets them.
    // Child processes inherit the filter, but not the setting that a process cannot be dumped.
    excludeMemoryFromDumps()
    _ = set_dumpable(0)
  }

  /// Gives a signal its default action, unless the process was started with the signal ignored.
  private static func restoreDefault(_ number: Int32) {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return }
    // SIG_IGN is a cast of 1, which Swift can compare only by its address.
    let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    guard handler != unsafeBitCast(SIG_IGN, to: Int.self) else { return }
    signal(number, SIG_DFL)
  }

  /// Limits core dumps to the program's own text. Must come before the process is made undumpable, because its files in
  /// /proc belong to root afterwards.
  private static func excludeMemoryFromDumps() {
    let descriptor = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC)
    // Without /proc, or with a kernel that dumps nothing, there is nothing to filter.
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = write(descriptor, "0", 1)
  }
}
