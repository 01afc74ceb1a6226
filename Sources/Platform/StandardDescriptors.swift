internal import Glibc

/// Standard input, standard output and standard error: the descriptors 0, 1 and 2.
public enum StandardDescriptors {
  /// Opens /dev/null for each of the three that the process was started without. Otherwise the next files that the program opens
  /// would have these numbers: what it prints would go into one of them.
  ///
  /// Call it before anything is opened. Without /dev/null nothing changes.
  public static func complete() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is given out, and those below are taken.
      guard open("/dev/null", O_RDWR) == descriptor else { return }
    }
  }
}
