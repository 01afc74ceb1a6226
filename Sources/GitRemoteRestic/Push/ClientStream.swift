import Dispatch
import Glibc
import Platform
import SystemPackage

/// What the client sends in a push: carried to receive-pack by a thread of its own, which reads the commands on the way.
final class ClientStream: Sendable {
  private static let chunk = 1 << 18
  private let commands = Locked(PushRequest())

  /// What the client has asked for. Complete as soon as receive-pack reports: it has to read all of it first.
  var request: PushRequest { commands.withLock { $0 } }

  /// Begins to carry what comes from standard input to `server`, which is closed at the end.
  func carry(to server: FileDescriptor) {
    DispatchQueue(label: "client").async { [self] in
      do {
        try carryAll(to: server)
      } catch {
        // receive-pack has ended, or the client has: the other half of the connection shows which.
      }
      server.closeQuietly()
      // So that git does not write to nobody for ever.
      Self.leaveStandardInput()
    }
  }

  /// Puts nothing in the place of the pipe from git: the number stays taken.
  private static func leaveStandardInput() {
    // Where it cannot be had the pipe stays open, and git learns of the end when this process ends.
    guard let nothing = try? FileDescriptor.open("/dev/null", .readOnly, options: .closeOnExec) else { return }
    // If this fails the pipe stays open, too.
    _ = try? nothing.duplicate(as: .standardInput)
    nothing.closeQuietly()
  }

  private func carryAll(to server: FileDescriptor) throws {
    var reader = PacketReader(.standardInput)
    while let packet = try reader.next() {
      // First noted, then passed on: nothing is reported that is not known here.
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
