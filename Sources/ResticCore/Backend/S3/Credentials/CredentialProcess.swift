internal import Glibc
internal import SystemPackage

/// A program that prints credentials: `credential_process` of a profile. No shell is asked.
struct CredentialProcess: CredentialProvider {
  /// The program and its arguments; quotes and backslashes keep words together.
  let command: String
  /// The profile, for messages.
  let source: String
  /// After so long it is ended. It may ask a service, or a person for a touch.
  var timeLimit = Duration.seconds(60)

  /// No credentials are longer.
  private static let outputLimit = 64 << 10

  func credentials() async throws(CredentialError) -> S3Credentials? {
    guard let words = Self.words(of: command), let program = words.first else {
      throw CredentialError("\(source): credential_process has a quote that does not end, or no program")
    }
    let output: [UInt8]
    do throws(Errno) {
      output = try await BlockingExecutor(threadCount: 1).run { () throws(Errno) in
        try run(program, Array(words.dropFirst()))
      }
    } catch .timedOut {
      throw CredentialError(
        "\(source): \(program) (credential_process) has not ended within \(timeLimit.components.seconds) s")
    } catch .fileTooLarge {
      throw CredentialError("\(source): \(program) (credential_process) prints more than \(Self.outputLimit) bytes")
    } catch .canceled {
      throw CredentialError("\(source): \(program) (credential_process) has failed; run it to see why")
    } catch {
      throw CredentialError("\(source): \(program) (credential_process) cannot be run: \(error)")
    }
    return try CredentialsDocument.decode(output, source: "\(source), credential_process")
  }

  /// What it prints. Throws `.timedOut`, `.fileTooLarge`, and `.canceled` where it fails.
  private func run(_ program: String, _ arguments: [String]) throws(Errno) -> [UInt8] {
    let deadline = ContinuousClock.now + timeLimit
    let pipe = try Pipe()
    defer { close(pipe.readEnd.rawValue) }
    let child = try start(program, arguments, output: pipe.writeEnd)
    do throws(Errno) {
      let output = try read(pipe.readEnd.rawValue, until: deadline)
      guard try end(of: child, until: deadline) == .exited(0) else { throw Errno.canceled }
      return output
    } catch {
      if child.endIfOver() == nil { kill(-child.processID, SIGKILL) }
      child.wait()
      throw error
    }
  }

  /// Starts the program, which writes to `output`; that is closed here. Its words on standard error are for the person.
  ///
  /// A group of its own can be ended as a whole. The repository's secrets are none of its business.
  private func start(
    _ program: String, _ arguments: [String], output: FileDescriptor
  ) throws(Errno) -> ChildProcess {
    defer { close(output.rawValue) }
    let hidden = InheritedVariables.names(beginningWith: "RESTIC_").map { ($0, String?.none) }
    return try InheritedVariables.with(Dictionary(hidden) { first, _ in first }) { variables throws(Errno) in
      try ChildProcess.start(
        program, arguments, variables: variables, files: [STDIN_FILENO: "/dev/null"],
        descriptors: [(STDOUT_FILENO, output)], signals: .unblocked, leadsSession: true)
    }
  }

  /// How `child` ends, which has closed its output.
  private func end(
    of child: ChildProcess, until deadline: ContinuousClock.Instant
  ) throws(Errno) -> ChildProcess.End {
    while true {
      if let end = child.endIfOver() { return end }
      guard ContinuousClock.now < deadline else { throw .timedOut }
      usleep(5000)
    }
  }

  private func read(_ descriptor: Int32, until deadline: ContinuousClock.Instant) throws(Errno) -> [UInt8] {
    var output: [UInt8] = []
    while true {
      let left = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
      guard left > 0 else { throw .timedOut }
      var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&event, 1, Int32(left) + 1)
      guard ready > 0 else {
        if ready < 0, errno != EINTR { throw Errno(rawValue: errno) }
        continue
      }
      var chunk = [UInt8](repeating: 0, count: 4096)
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      guard count >= 0 else {
        if errno == EINTR { continue }
        throw Errno(rawValue: errno)
      }
      if count == 0 { return output }
      output += chunk[..<count]
      guard output.count <= Self.outputLimit else { throw .fileTooLarge }
    }
  }

  /// The words of `command`; nil where a quote does not end. Source: Python's shlex, which Amazon's own program uses.
  static func words(of command: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var quote: Unicode.Scalar?
    var rest = command.unicodeScalars[...]
    while let character = rest.popFirst() {
      switch (quote, character) {
      case ("'", "'"), ("\"", "\""): quote = nil
      case (nil, "'"), (nil, "\""):
        quote = character
        word = word ?? ""
      case (nil, "\\"), ("\"", "\\"):
        guard let next = rest.popFirst() else { return nil }
        // In quotes it stands for itself before anything that it need not protect.
        let isKept = quote != nil && next != "\"" && next != "\\"
        word = (word ?? "") + (isKept ? "\\" : "") + String(next)
      case (nil, _) where character.properties.isWhitespace:
        if let complete = word { words.append(complete) }
        word = nil
      default: word = (word ?? "") + String(character)
      }
    }
    guard quote == nil else { return nil }
    return words + (word.map { [$0] } ?? [])
  }
}
