internal import CLinux
internal import Glibc
public import SystemPackage

/// A pipe whose ends no other program inherits unless they are passed on (`ChildProcess.start`).
public struct Pipe: Sendable {
  /// The end to read from, close-on-exec; the caller closes it.
  public let readEnd: FileDescriptor
  /// The end to write to, close-on-exec; the caller closes it. Readers see the end of the file once every copy is
  /// closed.
  public let writeEnd: FileDescriptor

  /// A new pipe.
  public init() throws(Errno) {
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends, O_CLOEXEC) == 0 else { throw Errno(rawValue: errno) }
    (readEnd, writeEnd) = (FileDescriptor(rawValue: ends[0]), FileDescriptor(rawValue: ends[1]))
  }

  /// `count` new pipes; if one cannot be created, none stays open.
  public static func several(_ count: Int) throws(Errno) -> [Pipe] {
    var pipes: [Pipe] = []
    do throws(Errno) {
      for _ in 0..<count { pipes.append(try Pipe()) }
    } catch {
      for pipe in pipes { for end in [pipe.readEnd, pipe.writeEnd] { end.closeQuietly() } }
      throw error
    }
    return pipes
  }
}
