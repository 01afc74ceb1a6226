import Foundation
import Glibc
import ResticTestSupport
import SystemPackage
import Testing

/// A `restic check` that is stopped (SIGSTOP) while it holds its exclusive lock.
struct StoppedCheck: Sendable {
  /// The process.
  let process: Int32
  private let script: Task<ProcessResult, any Error>

  /// Starts restic until one is caught: a small repository is checked in a moment.
  static func start(on vault: MountedRepository) async throws -> StoppedCheck {
    let text = """
      held() { ls repository/locks | grep -Eq '^[0-9a-f]{64}$'; }
      gone() { ! kill -0 $checker 2> /dev/null; }
      stopped() { grep -qs '^State:.T' /proc/$checker/status; }
      while :; do
        restic check --no-cache & checker=$!
        until held || gone; do :; done
        kill -STOP $checker 2> /dev/null || :
        until stopped || gone; do :; done
        if stopped && held; then echo $checker > caught.new; mv caught.new caught; fi
        test -e caught || kill -CONT $checker 2> /dev/null || :
        status=0; wait $checker || status=$?
        test ! -e caught || exit $status
      done
      """
    let script = Task { try await vault.result("/bin/bash", ["-u", "-c", text], in: vault.folder) }
    let file = vault.folder.appending("caught").string
    try await vault.wait(for: "restic's lock") { try await vault.result("test", ["-e", file]).isSuccess }
    let process = try #require(Int32(try String(contentsOfFile: file, encoding: .utf8).filter(\.isNumber)))
    return StoppedCheck(process: process, script: script)
  }

  /// Lets restic go on.
  func resume() { kill(process, SIGCONT) }

  /// Whether restic has found nothing wrong; waits for its end.
  func isSuccess() async throws -> Bool { try await script.value.isSuccess }
}
