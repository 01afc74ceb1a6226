public import SystemPackage

/// How long a program may run and how much it may print before it is killed with its process group.
public struct ProgramLimits: Sendable {
  /// The program must have ended by then.
  public let deadline: ContinuousClock.Instant
  /// The most bytes that the program may print.
  public let outputByteLimit: Int
  /// Once this descriptor is readable, or its other end is closed, the program's output is no longer wanted.
  public let stop: FileDescriptor?

  /// Limits for one program.
  public init(deadline: ContinuousClock.Instant, outputByteLimit: Int, stop: FileDescriptor? = nil) {
    self.deadline = deadline
    self.outputByteLimit = outputByteLimit
    self.stop = stop
  }
}
