internal import Glibc
internal import Logging
internal import SystemPackage

/// One run of a service's program, and the HTTP/2 session with it. Belongs to one thread.
final class PipeConnection {
  /// Why the connection can no longer be used.
  enum Loss {
    /// The program's output has ended.
    case ended
    /// The program sent something other than HTTP/2, or accepts no more requests.
    case confused
    /// No data has moved for this long.
    case stuck(Duration)
    /// The connection is no longer needed.
    case unused

    /// How long to wait for the program's end before it is killed. Source of the last value: restic, waitForExit.
    var grace: Duration {
      switch self {
      case .ended, .confused: .seconds(2)
      case .stuck: .zero
      case .unused: .seconds(5)
      }
    }
  }

  let service: ChildService
  let session: HTTP2Session
  /// When the program must have answered.
  let startDeadline: ContinuousClock.Instant
  /// When data last came from the program.
  private(set) var lastReceived = ContinuousClock.now
  /// The first bytes that the program wrote, for messages.
  private var firstBytes: [UInt8] = []
  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: readByteCount, alignment: 16)

  private static let readByteCount = 256 << 10
  /// The most reads at a time, so that writing gets its turn.
  private static let mostReads = 4
  private static let firstByteCount = 64

  /// Starts the program of `command`.
  init(_ command: ServiceCommand, rates: TransferRates, logger: Logger) throws(Errno) {
    service = try ChildService(command, logger: logger)
    session = HTTP2Session(rates: rates, name: command.name)
    startDeadline = .now.advanced(by: command.startLimit)
    session.remark = { [service] in service.lastWords(since: $0) }
  }

  deinit {
    memory.deallocate()
  }

  /// Writes as much as the pipe accepts; returns why writing is no longer possible.
  func write() -> Loss? {
    session.resume()
    while true {
      guard session.fillOutput() else { return .confused }
      guard session.output.byteCount > 0 else { return nil }
      do throws(Errno) {
        try session.output.write(to: service.input)
      } catch {
        return .ended
      }
      // The pipe is full.
      guard session.output.byteCount == 0 else { return nil }
    }
  }

  /// Reads what is available; returns why nothing more will come.
  func read() -> Loss? {
    for _ in 0..<Self.mostReads {
      let count = Glibc.read(service.output.rawValue, memory.baseAddress, memory.count)
      guard count > 0 else {
        guard count < 0, errno == EAGAIN || errno == EINTR else { return .ended }
        return nil
      }
      let bytes = UnsafeRawBufferPointer(rebasing: memory[..<count])
      lastReceived = .now
      if !session.isReady { firstBytes += bytes.prefix(Self.firstByteCount - firstBytes.count) }
      let isUnderstood = session.receive(bytes)
      if session.isReady {
        firstBytes = []
        service.becomeReady()
      }
      guard isUnderstood, !session.isClosing else { return .confused }
      if count < memory.count { return nil }
    }
    return nil
  }

  /// The beginning of what the program wrote instead of HTTP/2.
  var firstWords: String {
    let printable = firstBytes.map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: printable, as: UTF8.self)
  }
}
