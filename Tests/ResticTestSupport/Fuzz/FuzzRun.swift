import Foundation
import Glibc
import ResticCore

/// Feeds one decoder with many damaged inputs.
///
///     #expect(FuzzRun(.tree).failures(of: samples) { bytes in … } == [])
///
/// `scripts/fuzz` sets, in the environment:
/// - `FUZZ_INPUTS`: how many inputs there are for all subjects together,
/// - `FUZZ_SEED`: the seed of the inputs,
/// - `FUZZ_SUBJECT` and `FUZZ_INPUT`: that only this input is made, to see a failure again,
/// - `FUZZ_STATE`: a folder that has a file for each subject with the number of the input that was tried last. It is memory
///   of the file, so it is right when a decoder traps.
public struct FuzzRun: Sendable {
  /// The result of a decoder for an input.
  public enum Outcome: Equatable, Sendable {
    /// The input was decoded, and the value kept every promise.
    case accepted
    case refused
    /// A promise was broken.
    case failed(String)
  }

  /// The default number of inputs per subject: a second or two for all subjects.
  private static let defaultInputCount = 3000
  /// More failures of a subject are not told.
  private static let longestReport = 3
  /// The process's peak of memory grows by at most this much during a run, in KiB. Other tests may run at the same time.
  private static let memoryLimit = 2 << 20

  private let subject: FuzzSubject
  private let seed: UInt64
  private let inputs: Range<Int>
  private let state: String?

  /// A run as the environment wants it.
  public init(_ subject: FuzzSubject) {
    self.init(subject, ProcessInfo.processInfo.environment)
  }

  /// A run as `environment` wants it.
  public init(_ subject: FuzzSubject, _ environment: [String: String]) {
    self.subject = subject
    seed = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? 1
    state = environment["FUZZ_STATE"].map { "\($0)/\(subject.rawValue)" }
    let subjectCount = FuzzSubject.allCases.count
    let count =
      environment["FUZZ_INPUTS"].flatMap { Int($0) }.map { ($0 + subjectCount - 1) / subjectCount }
      ?? Self.defaultInputCount
    if let wanted = environment["FUZZ_SUBJECT"], wanted != subject.rawValue {
      inputs = 0..<0
    } else if let number = environment["FUZZ_INPUT"].flatMap({ Int($0) }) {
      inputs = number..<number + 1
    } else {
      inputs = 0..<count
    }
  }

  /// Tries mutants of `samples` and says which broke a promise, each with the command that tries it again. Prints how many
  /// there were, and how many were accepted.
  public func failures(
    of samples: [[UInt8]], words: [[UInt8]] = Mutator.formatWords, _ decode: ([UInt8]) -> Outcome
  ) -> [String] {
    guard !inputs.isEmpty else { return [] }
    let mutator = Mutator(samples: samples, words: words, seed: seed)
    let progress = Progress(path: state)
    let peakBefore = Self.peakMemory()
    var failures: [String] = []
    var acceptedCount = 0
    for number in inputs {
      progress.note(number)
      let input = mutator.input(number)
      switch decode(input) {
      case .accepted: acceptedCount += 1
      case .refused: continue
      case .failed(let message):
        guard failures.count < Self.longestReport else { continue }
        failures.append("\(message); `\(command(number))` tries it again: \(Self.shown(input))")
      }
    }
    if let peakBefore, let peak = Self.peakMemory(), peak - peakBefore > Self.memoryLimit {
      failures.append("the process needed \(peak - peakBefore) KiB more; subject \(subject.rawValue), seed \(seed)")
    }
    progress.end()
    print("fuzz: \(subject.rawValue): \(inputs.count) inputs, \(acceptedCount) accepted, seed \(seed)")
    return failures
  }

  private func command(_ number: Int) -> String {
    "scripts/fuzz --seed \(seed) --subject \(subject.rawValue) --input \(number)"
  }

  /// The bytes of an input that a person can read.
  private static func shown(_ input: [UInt8]) -> String {
    let text = input.prefix(2000).map { (32..<127).contains($0) && $0 != 92 ? String(UnicodeScalar($0)) : escaped($0) }
    return text.joined() + (input.count > 2000 ? "…" : "")
  }

  private static func escaped(_ byte: UInt8) -> String {
    "\\x" + Hex.text(byte)
  }

  /// The most memory that the process has needed so far, in KiB.
  private static func peakMemory() -> Int? {
    var usage = rusage()
    return getrusage(RUSAGE_SELF.rawValue, &usage) == 0 ? Int(usage.ru_maxrss) : nil
  }
}

/// The number of the last input, in a file that is mapped: twenty digits and a newline.
private struct Progress {
  private static let byteCount = 21
  private let path: String?
  private let memory: UnsafeMutableRawBufferPointer?

  init(path: String?) {
    self.path = path
    guard let path else {
      memory = nil
      return
    }
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC, 0o600)
    precondition(descriptor >= 0 && ftruncate(descriptor, Self.byteCount) == 0, "FUZZ_STATE is a folder to write in")
    let pointer = mmap(nil, Self.byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    close(descriptor)
    guard let pointer, pointer != MAP_FAILED else { preconditionFailure("a page of memory") }
    memory = UnsafeMutableRawBufferPointer(start: pointer, count: Self.byteCount)
  }

  func note(_ number: Int) {
    guard let memory else { return }
    var rest = number
    for index in stride(from: Self.byteCount - 2, through: 0, by: -1) {
      memory[index] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    memory[Self.byteCount - 1] = UInt8(ascii: "\n")
  }

  /// Takes the file away: the subject has come to its end.
  func end() {
    guard let memory, let path else { return }
    munmap(memory.baseAddress, memory.count)
    unlink(path)
  }
}
