import Dispatch
import Glibc
import Platform
import SystemPackage

/// What the client sends in a push. A thread of its own passes it on to receive-pack, and reads the commands on the
/// way.
final class ClientStream: Sendable {
  private static let chunk = 1 << 18
  private let commands = Locked(PushRequest())

  /// What the client asked for. Complete as soon as receive-pack reports, because receive-pack reads all of it first.
  var request: PushRequest { commands.withLock { $0 } }

  /// Begins to copy standard input to `server`, which is closed at the end.
  func carry(to server: FileDescriptor) {
    DispatchQueue(label: "client").async { [self] in
      do {
        try carryAll(to: server)
      } catch {
        // receive-pack ended, or the client did: the other direction of the connection shows which.
      }
      server.closeQuietly()
      // So that git does not keep writing to a pipe that nobody reads.
      Self.leaveStandardInput()
    }
  }

  /// Replaces the pipe from git by /dev/null, so that no other file gets the descriptor's number.
  private static func leaveStandardInput() {
    // If /dev/null cannot be opened, the pipe stays open, and git notices the end when this process ends.
    guard let nothing = try? FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec) else { return }
    // If this fails the pipe stays open, too.
    _ = try? nothing.duplicate(as: .standardInput)
    nothing.closeQuietly()
  }

  private func carryAll(to server: FileDescriptor) throws {
    var reader = PacketReader(.standardInput)
    while let packet = try reader.next() {
      // The command is noted before it is passed on, so a report never names an unknown command.
      commands.withLock { $0.add(packet) }
      try server.writeAll(packet.encoded)
      if packet.isFlush { break }
    }
    try server.writeAll(reader.takeBuffered())
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunk, alignment: 4096)
    defer { buffer.deallocate() }
    while true {
      let count = try FileDescriptor.standardInput.read(into: buffer)
      guard count > 0 else { return }
      try server.writeAll(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}
