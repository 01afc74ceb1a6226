internal import Glibc

/// Whether processes of this machine still run.
enum ProcessState {
  /// Whether the process `id` runs, as far as this can be known. A process that has ended and whose parent has not
  /// noticed yet does not run: in a container the first process may never notice.
  static func isRunning(_ id: Int32) -> Bool {
    if kill(id, 0) != 0 && errno == ESRCH { return false }
    // Without /proc, the answer of kill(2) counts.
    guard let state = state(of: id) else { return true }
    return state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")
  }

  /// The letter for the process's state; nil if /proc does not tell.
  ///
  /// Source: proc_pid_stat(5): `number (name) state …`, where the name may have parentheses of its own.
  private static func state(of id: Int32) -> UInt8? {
    guard let file = fopen("/proc/\(id)/stat", "re") else { return nil }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 512)
    line.removeLast(line.count - fread(&line, 1, line.count, file))
    guard let end = line.lastIndex(of: UInt8(ascii: ")")), end + 2 < line.count else { return nil }
    return line[end + 2]
  }
}
