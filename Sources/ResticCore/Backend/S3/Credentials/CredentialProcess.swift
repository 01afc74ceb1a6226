internal import Platform
internal import SystemPackage

/// A program that prints credentials: `credential_process` of a profile. Run without a shell.
struct CredentialProcess: CredentialProvider {
  /// The program and its arguments; quotes and backslashes group words.
  let command: String
  /// The profile, for messages.
  let source: String
  /// The program is killed after this time. It may ask a service, or a person for a touch.
  var timeLimit = Duration.seconds(60)

  /// The size limit of the output.
  private static let outputLimit = 64 << 10

  func credentials() async throws(CredentialError) -> S3Credentials? {
    guard let words = Self.words(of: command), let program = words.first else {
      throw CredentialError("\(source): credential_process has an unclosed quote, or no program")
    }
    let output: ProgramOutput
    do throws(Errno) {
      output = try await run(program, Array(words.dropFirst()))
    } catch .timedOut {
      throw CredentialError(
        "\(source): \(program) (credential_process) did not end within \(timeLimit.components.seconds) s")
    } catch .fileTooLarge {
      throw CredentialError("\(source): \(program) (credential_process) printed more than \(Self.outputLimit) bytes")
    } catch .canceled {
      throw CredentialError("\(source): \(program) (credential_process) was cancelled", isPassing: true)
    } catch {
      throw CredentialError("\(source): \(program) (credential_process) cannot be run: \(error)")
    }
    guard output.end == .exited(0) else {
      throw CredentialError("\(source): \(program) (credential_process) failed; run it to see why")
    }
    return try CredentialsDocument.decode(output.output, source: "\(source), credential_process")
  }

  /// What comes of the program. Throws `.timedOut`, `.fileTooLarge`, and `.canceled` as soon as the task is cancelled.
  ///
  /// The program's standard error goes to the person. The program does not get the repository's secrets.
  private func run(_ program: String, _ arguments: [String]) async throws(Errno) -> ProgramOutput {
    let deadline = ContinuousClock.now + timeLimit
    let bell = try CancellationBell()
    // Cleaning up after a cancellation needs credentials too.
    let stop = Task.isCancelled ? nil : bell.ear
    let limits = ProgramLimits(deadline: deadline, outputByteLimit: Self.outputLimit, stop: stop)
    let result: Result<ProgramOutput, Errno> = await withTaskCancellationHandler {
      await Self.run(program, arguments, limits)
    } onCancel: {
      bell.ring()
    }
    withExtendedLifetime(bell) {}
    return try result.get()
  }

  private static func run(
    _ program: String, _ arguments: [String], _ limits: ProgramLimits
  ) async -> Result<ProgramOutput, Errno> {
    await BlockingExecutor(threadCount: 1).run {
      Result { () throws(Errno) in
        let hidden = InheritedVariables.names(beginningWith: "RESTIC_").map { ($0, String?.none) }
        return try InheritedVariables.with(Dictionary(hidden) { first, _ in first }) { variables throws(Errno) in
          try ProgramOutput.of(
            program, arguments, variables: variables, signals: .unblocked, limits: limits, sharesErrors: true)
        }
      }
    }
  }
  /// The words of `command`; nil if a quote is not closed.
  /// Source: Python's shlex, which Amazon's own program uses.
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
        // In quotes, a backslash is an ordinary character unless it precedes a character that it can escape.
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
