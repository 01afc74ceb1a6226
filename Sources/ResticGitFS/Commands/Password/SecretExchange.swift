import Glibc
import ResticCore

/// What passes between this process and a program that deals with a secret, until the program has closed its output.
///
/// Reads and writes as the program does, so that neither waits for the other. Belongs to one thread, on which SIGPIPE is
/// blocked.
struct SecretExchange {
  private let output: SecretPipe.End
  private let errors: SecretPipe.End?
  private let input: SecretPipe.End?
  private let secret: SecureBytes?
  private let limit: Int
  /// One byte more than may come.
  private let memory: SecureBytes
  private var byteCount = 0
  private var sentByteCount = 0
  /// What came from `errors`, up to `limit` bytes.
  private(set) var errorOutput: [UInt8] = []

  /// Takes up to `limit` bytes from `output` and from `errors`, and gives `secret` to `input`.
  init(
    output: SecretPipe.End, errors: SecretPipe.End?, input: SecretPipe.End?, secret: SecureBytes?, limit: Int
  ) {
    self.output = output
    self.errors = errors
    self.input = input
    self.secret = secret
    self.limit = limit
    memory = SecureBytes(byteCount: limit + 1)
  }

  /// What came from `output`; nil if it was too much.
  var result: SecureBytes? {
    guard byteCount <= limit else { return nil }
    return memory.withUnsafeBytes { SecureBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<byteCount])) }
  }

  /// Returns when `output` and `errors` have ended, or too much has come; false if neither has happened at `deadline`.
  mutating func run(until deadline: ContinuousClock.Instant? = nil) -> Bool {
    defer { for end in [output, errors, input] { end?.close() } }
    if let input { _ = fcntl(input.descriptor, F_SETFL, O_NONBLOCK) }
    if secret?.byteCount == 0 { input?.close() }
    while output.descriptor >= 0 || (errors?.descriptor ?? -1) >= 0 {
      var polled = [
        pollfd(fd: output.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: errors?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: input?.descriptor ?? -1, events: Int16(POLLOUT), revents: 0),
      ]
      let rest = deadline.map { Int32(max(0, min(ContinuousClock.now.duration(to: $0) / .milliseconds(1), 1e6))) + 1 }
      let count = poll(&polled, nfds_t(polled.count), rest ?? -1)
      guard count >= 0 || errno == EINTR else { break }
      if count == 0, let deadline, deadline <= .now { return false }
      if polled[0].revents != 0 { receive() }
      if polled[1].revents != 0 { receiveErrors() }
      if polled[2].revents != 0 { send() }
    }
    return true
  }

  private mutating func receive() {
    let count = memory.withUnsafeMutableBytes { memory in
      read(output.descriptor, memory.baseAddress?.advanced(by: byteCount), memory.count - byteCount)
    }
    if count < 0, errno == EINTR { return }
    byteCount += max(count, 0)
    // A pipe that cannot be read is as good as ended.
    guard count > 0, byteCount <= limit else { return output.close() }
  }

  private mutating func receiveErrors() {
    guard let errors else { return }
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = read(errors.descriptor, &chunk, chunk.count)
    if count < 0, errno == EINTR { return }
    guard count > 0 else { return errors.close() }
    errorOutput += chunk[..<min(count, limit - errorOutput.count)]
  }

  private mutating func send() {
    guard let input, let secret else { return }
    let count = secret.withUnsafeBytes { bytes in
      write(input.descriptor, bytes.baseAddress?.advanced(by: sentByteCount), bytes.count - sentByteCount)
    }
    if count < 0, errno == EINTR || errno == EAGAIN { return }
    sentByteCount += max(count, 0)
    // A program that does not read what it is told has its reasons, and says so.
    if count <= 0 || sentByteCount == secret.byteCount { input.close() }
  }
}
