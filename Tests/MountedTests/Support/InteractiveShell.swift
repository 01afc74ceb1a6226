import ResticTestSupport
import SystemPackage

/// A shell on a terminal of its own, in which a person types the beginning of a line and presses Tab.
enum InteractiveShell: String, CaseIterable, Sendable {
  case bash
  case zsh
  case fish

  /// The shell's completion of each of `lines` when Tab is pressed at its end: the words of the completed line, in the folder
  /// `directory`. The completions are those that the program writes for the shell.
  func completed(_ lines: [String], of vault: MountedRepository, in directory: FilePath) async throws -> [[String]] {
    let words = try await vault.python(
      Self.driver, [rawValue, vault.program.string, vault.path("completions").string] + lines, in: directory,
      timeout: .seconds(120))
    return words.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      // As `args` prints them: each word, and a character that is in none.
      line.split(separator: "\u{1}").map(String.init)
    }
  }

  /// Types into the shell, on a pseudo-terminal. After Tab the line is made one that prints its own words: `args` is put before
  /// it, and a last word behind it that shows where the output ends. The shell reads these keys when it has completed the line.
  private static let driver = #"""
    import pty, re, select
    shell, program, folder, lines = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
    os.makedirs(folder, exist_ok=True)
    script = os.path.join(folder, "_restic-gitfs" if shell == "zsh" else "restic-gitfs." + shell)
    with open(script, "w") as file:
        subprocess.run([program, "--generate-completion-script", shell], stdout=file, check=True)
    command, setup = {
        "bash": (["bash", "--norc", "--noprofile", "-i"],
                 "args() { printf '<%s>' \"$@\"; echo; }; source '" + script + "'"),
        "zsh": (["zsh", "-f", "-i"],
                "args() { printf '<%s>' \"$@\"; echo }; fpath=('" + folder + "' $fpath); autoload -U compinit; compinit -u -D"),
        "fish": (["fish", "--no-config", "-i"],
                 "function args; printf '<%s>' $argv; echo; end; source '" + script + "'"),
    }[shell]
    os.environ.update(TERM="dumb", PS1="% ", HOME=folder, PATH=os.path.dirname(program) + ":" + os.environ["PATH"])
    child, terminal = pty.fork()
    if child == 0:
        # Wide enough for every line.
        fcntl.ioctl(0, 0x5414, b"\x32\x00\xe8\x03\x00\x00\x00\x00")
        os.execvp(command[0], command)
    seen = b""

    def wait_for(pattern, start):
        global seen
        end = time.monotonic() + 120
        while True:
            match = re.compile(pattern).search(seen, start)
            if match:
                return match
            assert time.monotonic() < end, "no %r in %r" % (pattern, seen[start:])
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536)

    # What is typed has its words in quotes, so that only the answer has them as they are waited for.
    os.write(terminal, setup.encode() + b"\nargs rea''dy\n")
    wait_for(rb"<ready>", 0)
    for line in lines:
        start = len(seen)
        os.write(terminal, line.encode() + b"\t\x01args \x05 'e'nd\n")
        words = wait_for(rb"<([^\r\n]*)><end>", start)[1].decode()
        print(words.replace("><", "\x01"))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    """#
}
