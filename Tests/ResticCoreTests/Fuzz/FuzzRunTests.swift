import Foundation
import ResticTestSupport
import SystemPackage
import Testing

@Suite("A fuzz run")
struct FuzzRunTests {
  private let samples: [[UInt8]] = [Array("sample".utf8), Array("another".utf8)]

  private func inputs(_ environment: [String: String]) -> [[UInt8]] {
    var seen: [[UInt8]] = []
    _ = FuzzRun(.tree, environment).failures(of: samples) { input in
      seen.append(input)
      return .refused
    }
    return seen
  }

  @Test("gives the same inputs for the same seed, other inputs for another seed, and any input alone")
  func replay() {
    let count = FuzzSubject.allCases.count * 50
    let first = inputs(["FUZZ_SEED": "7", "FUZZ_INPUTS": "\(count)"])
    #expect(first.count == 50 && Set(first).count > 30)
    #expect(inputs(["FUZZ_SEED": "7", "FUZZ_INPUTS": "\(count)"]) == first)
    #expect(inputs(["FUZZ_SEED": "8", "FUZZ_INPUTS": "\(count)"]) != first)
    for number in [0, 17, 49] {
      #expect(inputs(["FUZZ_SEED": "7", "FUZZ_SUBJECT": "tree", "FUZZ_INPUT": "\(number)"]) == [first[number]])
    }
    #expect(inputs(["FUZZ_SUBJECT": "index"]).isEmpty)
    #expect(inputs(["FUZZ_INPUTS": "1"]).count == 1)
  }

  @Test("finds a decoder that breaks a promise, and says how to reproduce it")
  func bites() throws {
    let environment = ["FUZZ_SEED": "7", "FUZZ_INPUTS": "\(FuzzSubject.allCases.count * 200)"]
    var wrong: [Int] = []
    var number = -1
    let failures = FuzzRun(.tree, environment).failures(of: samples) { input in
      number += 1
      guard input.contains(UInt8(ascii: "{")) else { return .accepted }
      wrong.append(number)
      return .failed("a brace")
    }
    let first = try #require(wrong.first)
    #expect(wrong.count > 3 && failures.count == 3)
    #expect(failures[0].contains("a brace; `scripts/fuzz --seed 7 --subject tree --input \(first)` tries it again"))
  }

  @Test("keeps the number of the current input in a file, and removes the file at the end")
  func state() throws {
    let folder = try TemporaryDirectory()
    let file = folder.path.appending("tree").string
    let environment = ["FUZZ_STATE": folder.path.string, "FUZZ_INPUTS": "\(FuzzSubject.allCases.count * 12)"]
    var numbers: [Int?] = []
    _ = FuzzRun(.tree, environment).failures(of: samples) { _ in
      numbers.append((try? String(contentsOfFile: file, encoding: .utf8)).flatMap { Int($0.dropLast()) })
      return .refused
    }
    #expect(numbers == Array(0..<12))
    #expect(!FileManager.default.fileExists(atPath: file))
  }
}
