public import SystemPackage

/// How long a program may go on, and how much it may print, before it is killed with all that it has started.
public struct ProgramLimits: Sendable {
  /// It has to have ended by then.
  public let deadline: ContinuousClock.Instant
  /// Its output has no more bytes.
  public let outputByteLimit: Int
  /// As soon as this can be read from, or its other end is closed, nobody wants the program's output any more.
  public let stop: FileDescriptor?

  /// Limits for one program.
  public init(deadline: ContinuousClock.Instant, outputByteLimit: Int, stop: FileDescriptor? = nil) {
    self.deadline = deadline
    self.outputByteLimit = outputByteLimit
    self.stop = stop
  }
}
