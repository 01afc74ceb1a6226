internal import CLinux
internal import Glibc

/// Keeps what a process knows to itself, also when the process crashes.
public enum ProcessPrivacy {
  /// The signals of a crash. SIGQUIT is among them: its default action ends with a core dump, too.
  private static let crashSignals = [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGQUIT]

  /// From now on a crash ends the process at once, with the signal of the crash, and writes its memory nowhere. Other
  /// processes of the same user can't read the memory either. Called first of all, while there is one thread.
  ///
  /// Swift's runtime installs handlers before `main`. They print registers, which may hold keys, and start
  /// `swift-backtrace`, which holds on to our descriptors for as long as it likes: whoever reads from one of them would
  /// wait for it. The same is prevented in every child process, by the variable.
  /// Source: swift, docs/Backtracing.rst; core(5); prctl(2), PR_SET_DUMPABLE.
  public static func begin() {
    var all = sigset_t()
    sigemptyset(&all)
    for number in crashSignals {
      sigaddset(&all, number)
      restoreDefault(number)
    }
    // Whoever started this process may have blocked them.
    pthread_sigmask(SIG_UNBLOCK, &all, nil)
    setenv("SWIFT_BACKTRACE", "enable=no", 1)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
    // The limit counts for files only: a program that takes core dumps from a pipe (core(5)) gets them all the same. Child
    // processes inherit the filter, but not that a process cannot be dumped.
    excludeMemoryFromDumps()
    _ = set_dumpable(0)
  }

  /// Gives a signal its default action, unless the process was started with the signal ignored.
  private static func restoreDefault(_ number: Int32) {
    var action = sigaction()
    guard sigaction(number, nil, &action) == 0 else { return }
    // SIG_IGN is a cast of 1, which Swift compares by its address only.
    let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    guard handler != unsafeBitCast(SIG_IGN, to: Int.self) else { return }
    signal(number, SIG_DFL)
  }

  /// A core dump holds no memory but the program's own text. Before the process is undumpable: its files in /proc belong to
  /// root from then on.
  private static func excludeMemoryFromDumps() {
    let descriptor = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC)
    // Without /proc or with a kernel that dumps nothing there is nothing to filter.
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    _ = write(descriptor, "0", 1)
  }
}
