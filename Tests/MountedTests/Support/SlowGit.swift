import Foundation
import SystemPackage

/// A `git` before the real one in PATH, by which a test stops or kills it, and the process that serves the mount, at a step.
///
/// A file in the test's folder says what happens at `git … STEP`: `hold STEP` waits until the file is gone; `git STEP SECONDS`
/// kills git after that time, `mount STEP SECONDS` the process that has started git.
struct SlowGit {
  let vault: MountedRepository

  /// The folder to put before the others in PATH.
  var folder: FilePath { vault.path("slow") }
  private var order: String { vault.path("slow-order").string }

  init(_ vault: MountedRepository) throws {
    self.vault = vault
    try vault.makeFolder("slow")
    let script = """
      #!/bin/bash
      PATH=${PATH#\(vault.path("slow")):}
      read -r what step after <\(vault.path("slow-order")) 2>/dev/null || exec git "$@"
      [[ " $* " = *" $step "* ]] || exec git "$@"
      case "$what" in
        hold) : >\(vault.path("slow-held")); while [[ -e \(vault.path("slow-order")) ]]; do sleep 0.02; done ;;
        git) (sleep "$after"; kill -9 $$) & ;;
        mount) (sleep "$after"; kill -9 $PPID) & ;;
      esac
      exec git "$@"

      """
    let path = folder.appending("git").string
    try Data(script.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
  }

  /// From now on `order` is followed.
  func set(_ order: String) throws {
    try? FileManager.default.removeItem(atPath: vault.path("slow-held").string)
    try Data((order + "\n").utf8).write(to: URL(fileURLWithPath: self.order))
  }

  /// From now on git does what it always does.
  func clear() throws {
    if FileManager.default.fileExists(atPath: order) { try FileManager.default.removeItem(atPath: order) }
  }

  /// Whether git is held.
  var isHeld: Bool { FileManager.default.fileExists(atPath: vault.path("slow-held").string) }

  /// The start of a shell command that runs the program under test with this git.
  var program: String { "PATH=\(folder):$PATH \(vault.program)" }
}
