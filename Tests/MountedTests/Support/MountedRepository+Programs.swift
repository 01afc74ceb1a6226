import Foundation
import ResticTestSupport
import SystemPackage

/// A program that did not end as a test expects.
struct WrongExit: Error, CustomStringConvertible {
  let description: String
}

extension MountedRepository {
  /// The standard output of `program`, without the last newlines. Throws unless the program exits with `code`.
  @discardableResult
  func run(
    _ program: String, _ arguments: [String], in directory: FilePath? = nil, input: [UInt8] = [],
    expecting code: Int32 = 0, timeout: Duration? = nil
  ) async throws -> String {
    let result = try await result(program, arguments, in: directory, input: input, timeout: timeout)
    guard result.status == .exited(code) else {
      throw WrongExit(
        description: """
          \(([program] + arguments).joined(separator: " ").prefix(3000))
          ended with \(result.status) instead of \(code):
          \(result.output.suffix(6000))\(result.errorOutput.suffix(6000))
          """)
    }
    return result.output.trimmingSuffix("\n")
  }

  /// The result of `program`, whatever its status.
  func result(
    _ program: String, _ arguments: [String], in directory: FilePath? = nil, input: [UInt8] = [],
    timeout: Duration? = nil
  ) async throws -> ProcessResult {
    var runner = runner
    if let timeout { runner.timeout = timeout }
    if let directory { runner.directory = directory }
    return try await runner.run(program, arguments, input: input)
  }

  /// The program under test.
  @discardableResult
  func gitfs(_ arguments: [String], expecting code: Int32 = 0) async throws -> String {
    try await run(program.string, arguments, expecting: code)
  }

  /// The real restic.
  @discardableResult
  func restic(_ arguments: [String], expecting code: Int32 = 0) async throws -> String {
    try await run("restic", arguments, expecting: code)
  }

  /// git, in the mountpoint by default.
  @discardableResult
  func git(_ arguments: [String], in directory: FilePath? = nil, expecting code: Int32 = 0) async throws -> String {
    try await run("git", arguments, in: directory ?? mountpoint, expecting: code)
  }

  /// A shell function: `swap A B` exchanges two names in one step. If a script removed B first, a mount could create B
  /// again before A gets that name.
  static let swap = """
    swap() {
      /usr/bin/python3 -c 'import ctypes, os, sys
    old, new = map(os.fsencode, sys.argv[1:])
    sys.exit(ctypes.CDLL(None).renameat2(-100, old, -100, new, 2) != 0)' "$1" "$2"
    }

    """

  /// A shell script, in the mountpoint by default. `$T` is the test's folder, `$M` the mountpoint; `not COMMAND`
  /// expects a failure (`!` would not end the script), and `swap` exchanges names.
  @discardableResult
  func shell(_ script: String, in directory: FilePath? = nil, expecting code: Int32 = 0) async throws -> String {
    let variables = """
      T='\(self.directory.path)'; M='\(mountpoint)'
      not() { if "$@"; then echo "should have failed: $*" >&2; return 1; fi; }

      """
    return try await run(
      "/bin/bash", ["-eu", "-o", "pipefail", "-c", variables + Self.swap + script], in: directory ?? mountpoint,
      expecting: code)
  }

  /// A Python program, in the mountpoint by default; `PythonPrelude` is imported already.
  @discardableResult
  func python(
    _ script: String, _ arguments: [String] = [], in directory: FilePath? = nil, expecting code: Int32 = 0,
    timeout: Duration? = nil
  ) async throws -> String {
    let own = "/usr/bin/python3"  // the distribution's, and no wrapper that takes as long as the test
    let interpreter = FileManager.default.isExecutableFile(atPath: own) ? own : "python3"
    return try await run(
      interpreter, ["-B", "-c", "from prelude import *\n" + script] + arguments, in: directory ?? mountpoint,
      expecting: code, timeout: timeout)
  }
}

extension String {
  /// Without the newlines at its end.
  fileprivate func trimmingSuffix(_ character: Character) -> String {
    var text = self[...]
    while text.last == character { text.removeLast() }
    return String(text)
  }
}
