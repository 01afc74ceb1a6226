internal import CLinux
internal import Glibc

/// setpriority(2), in the place of the C library's: a thread keeps the nice value that it inherits.
///
/// libdispatch, which runs Swift's tasks, gives each of its threads a nice value of its own, counted from 0 and not from
/// the value with which the process was started. So root's `nice -n 10 restic-gitfs …` ran at 0, and an ordinary user,
/// who may not lower the value, got a line "Failed to set thread priority" for each thread. Nothing turns that off.
/// Source: libdispatch of Swift 6.3, `_dispatch_worker_thread`.
///
/// Calls about other processes do what they always do.
@_cdecl("setpriority")
public func setThreadPriority(_ kind: Int32, _ number: UInt32, _ value: Int32) -> Int32 {
  // PRIO_PROCESS and 0 are the calling thread.
  kind == 0 && number == 0 ? 0 : set_priority(kind, number, value)
}
