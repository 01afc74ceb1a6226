import Foundation
import ResticTestSupport
import SystemPackage
import Testing

extension MountedRepository {
  /// Runs the program, which must end with `code`, say why on one line of standard error that contains all `words`, and
  /// leave nothing mounted, running or written. Returns the line.
  @discardableResult
  func expectRefusal(
    _ arguments: [String], code: Int32, saying words: String..., input: String = "", in directory: FilePath? = nil,
    environment: [String: String?] = [:], at location: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let before = (files: try storedFiles(), mounts: mounts())
    var runner = runner
    runner.environment.merge(environment) { $1 }
    if let directory { runner.directory = directory }
    let result = try await runner.run(program.string, arguments, input: Array(input.utf8))
    let command = arguments.joined(separator: " ").prefix(300)
    let text = result.errorOutput
    #expect(result.status == .exited(code), "\(command): \(text)", sourceLocation: location)
    #expect(result.output.isEmpty, "\(command)", sourceLocation: location)
    #expect(
      text.hasPrefix("restic-gitfs: ") && text.hasSuffix("\n") && text.split(separator: "\n").count == 1,
      "\(command): \(text)", sourceLocation: location)
    for word in words {
      #expect(text.contains(word), "\(command): \(text)", sourceLocation: location)
    }
    #expect(try storedFiles() == before.files, "\(command)", sourceLocation: location)
    #expect(mounts() == before.mounts, "\(command)", sourceLocation: location)
    return text
  }

  /// Every file of the repository with its size; empty where there is no repository.
  func storedFiles() throws -> [String: Int] {
    guard let paths = FileManager.default.enumerator(atPath: repository.string) else { return [:] }
    var files: [String: Int] = [:]
    for case let path as String in paths {
      let attributes = try FileManager.default.attributesOfItem(atPath: repository.appending(path).string)
      if attributes[.type] as? FileAttributeType == .typeRegular { files[path] = attributes[.size] as? Int }
    }
    return files
  }

  /// The ids of the snapshots, oldest first, as restic sees them.
  func snapshotIDs() async throws -> [String] {
    struct Listed: Decodable {
      let id: String
    }
    let listed: [Listed] = try Self.decode(try await restic(["snapshots", "--json", "--no-lock", "--no-cache"]))
    return listed.map(\.id)
  }

  /// Runs restic's own check, which must find nothing wrong.
  func check() async throws {
    try await restic(["check", "--read-data", "--no-cache"])
  }
}
