internal import CLinux

/// setpriority(2) for this program and the libraries that it runs with: a thread keeps the niceness that the process was started
/// with, and everything else is the system's call.
///
/// libdispatch gives each of its threads a niceness of its own: 0, and -4 where a task has the priority of a person who waits. So
/// `nice restic-gitfs` would work as fast as anything else for root, and for other users the system refuses it, which
/// libdispatch writes to the system log. The symbol of a program counts before that of a shared library.
@_cdecl("setpriority")
public func setPriorityButOfThread(_ which: UInt32, _ who: UInt32, _ niceness: Int32) -> Int32 {
  which == 0 && who == 0 ? 0 : set_priority(Int32(which), who, niceness)
}
