import Glibc
import MessageText
import ResticCore

/// The terminal on which the program was started: asks for passwords without echo.
///
/// Invariant: while echo is off, `savedModes` holds the modes to restore, so `restore` can be called at any time, above
/// all by the thread that takes signals. `modes` is held only for moments, and no other lock is taken under it.
final class Terminal: Sendable {
  /// The longest accepted line. The terminal's own limit is lower.
  private static let longestPassword = 4096

  /// _POSIX_VDISABLE, which Swift does not import: no key has this function.
  private static let disabledCharacter: UInt8 = 0

  private struct SavedModes {
    var descriptor: Int32
    var modes: termios
  }

  private let savedModes = Locked<SavedModes?>(nil)

  /// Whether a person can be asked: restic checks standard input, so that `… < file` never asks.
  var canAsk: Bool { isatty(STDIN_FILENO) == 1 }

  /// Asks for a password on the terminal; nil at the end of input (Ctrl-D) and if there is no terminal.
  func askPassword(_ prompt: String) -> SecureBytes? {
    // The terminal itself, because output may be redirected.
    let opened = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    let descriptor = opened >= 0 ? opened : STDIN_FILENO
    defer { if opened >= 0 { close(opened) } }

    guard silence(descriptor) else { return nil }
    defer { restore() }
    Self.write(prompt, to: descriptor)
    let password = PasswordLine.read(from: descriptor, limit: Self.longestPassword)
    // The newline that was typed was not echoed.
    Self.write("\n", to: descriptor)
    return password
  }

  /// Asks a question on the terminal; returns whether the answer begins with `y`.
  func confirm(_ question: String) -> Bool {
    let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    Self.write(question.printable, to: descriptor)
    var answer = [UInt8](repeating: 0, count: 256)
    // The terminal returns one line at a time.
    let count = read(descriptor, &answer, answer.count)
    return count > 0 && [UInt8(ascii: "y"), UInt8(ascii: "Y")].contains(answer[0])
  }

  /// Turns echo on again if it is off. May be called from any thread, at any time and repeatedly.
  func restore() {
    savedModes.withLock { saved in
      guard var modes = saved?.modes, let descriptor = saved?.descriptor else { return }
      tcsetattr(descriptor, TCSAFLUSH, &modes)
      saved = nil
    }
  }

  /// Turns echo on after the death of another process that had turned it off.
  func restoreEcho() {
    let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var modes = termios()
    guard tcgetattr(descriptor, &modes) == 0 else { return }
    modes.c_lflag |= tcflag_t(ECHO)
    tcsetattr(descriptor, TCSAFLUSH, &modes)
  }

  /// Turns echo off. Also turns off Ctrl-Z and Ctrl-\, after which nobody would turn echo on for the shell.
  private func silence(_ descriptor: Int32) -> Bool {
    savedModes.withLock { saved in
      var modes = termios()
      guard tcgetattr(descriptor, &modes) == 0 else { return false }
      saved = SavedModes(descriptor: descriptor, modes: modes)
      modes.c_lflag &= ~tcflag_t(ECHO)
      modes.c_lflag |= tcflag_t(ICANON | ISIG)
      withUnsafeMutableBytes(of: &modes.c_cc) { keys in
        for key in [VSUSP, VQUIT] { keys[Int(key)] = Self.disabledCharacter }
      }
      guard tcsetattr(descriptor, TCSAFLUSH, &modes) == 0 else {
        saved = nil
        return false
      }
      return true
    }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    // If the prompt cannot be shown, reading fails, or goes on without it.
    _ = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
  }
}
