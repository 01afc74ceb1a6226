import ArgumentParser
import FoundationEssentials
import Glibc
import NamedRepositories
import Platform
import SystemPackage

/// What a shell offers where a snapshot is expected: `latest`, and the ids of the repository that the command line names.
///
/// The list is that of `restic-gitfs snapshots`, run with the options of the line. Nobody is asked for a password meanwhile,
/// so there are ids only where a variable, an option or a credential helper gives it.
enum SnapshotCompletion {
  private struct Listed: Decodable {
    let short_id: String
  }

  /// How long a person may have to wait, in seconds.
  private static let limit: UInt32 = 10
  /// Locations of storages that are reached through a program of the user's, which may ask on the terminal.
  private static let talkativeSchemes = ["sftp:", "rclone:"]
  /// Options that say which snapshots there are, each with a value.
  private static let options: Set<String> = [
    "-r", "--repo", "--repository-file", "-p", "--password-file", "--password-command", "--key-hint", "-o", "--option",
    "--cache-dir", "--cacert", "--tls-client-cert", "--http-user-agent", "--host", "--tag", "--path",
  ]
  private static let flags: Set<String> = ["--no-cache", "--insecure-tls"]

  /// For the option `--snapshot`.
  static var kind: CompletionKind {
    .custom { words, _, prefix in (["latest"] + ids(of: words)).filter { $0.hasPrefix(prefix) } }
  }

  /// The ids, the newest first; none where they cannot be read.
  private static func ids(of words: [String]) -> [String] {
    let named = RepositoryCompletion.named
    let preset = getenv("RESTIC_REPOSITORY").map { String(cString: $0) }
    let arguments = arguments(of: words, home: getenv("HOME").map { String(cString: $0) } ?? "~") { name in
      preset == nil && named[name] != nil
    }
    guard !isTalkative(arguments + [preset ?? ""], named) else { return [] }
    alarm(limit)
    let silence: [String: String?] = [
      "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "SSH_ASKPASS": "",
    ]
    // As below: nothing is offered.
    let result = try? InheritedVariables.with(silence) { variables throws(Errno) in
      try ProgramOutput.of("/proc/self/exe", arguments, variables: variables, signals: .unblocked)
    }
    // Whatever is wrong: nothing is offered, and the command itself will say why.
    guard let result, result.end == .exited(0),
      let listed = try? JSONDecoder().decode([Listed].self, from: Data(result.output))
    else { return [] }
    return listed.reversed().map(\.short_id)
  }

  /// The arguments of `restic-gitfs snapshots` for the repository that `words`, as they were typed, name: with an option, or
  /// by an argument that `isName` takes for the name of a repository.
  static func arguments(of words: [String], home: String, isName: (String) -> Bool = { _ in false }) -> [String] {
    var arguments = ["snapshots", "--json", "--quiet"]
    var named: String?
    var rest = words.map { plain($0, home: home) }[...]
    while let word = rest.popFirst() {
      let name = word.hasPrefix("--") ? word.prefix { $0 != "=" }.description : word
      if flags.contains(word) || name != word && options.contains(name) {
        arguments.append(word)
      } else if options.contains(word), let value = rest.popFirst() {
        // As bash has it, for which "=" ends a word.
        arguments += [word, value == "=" ? rest.popFirst() ?? "" : value]
      } else if named == nil, isName(word) {
        named = word
      }
    }
    // An option counts before an argument, as it does for the command.
    let isGiven = arguments.contains { $0 == "-r" || $0.hasPrefix("--repo") }
    return isGiven ? arguments : arguments + (named.map { ["-r", $0] } ?? [])
  }

  /// Whether one of `words` is, or names, a location that is reached through such a program.
  static func isTalkative(_ words: [String], _ named: NamedRepositories) -> Bool {
    words.contains { word in
      let value = word.hasPrefix("--") ? String(word.drop { $0 != "=" }.dropFirst()) : word
      let location = named[value]?.location ?? value
      return talkativeSchemes.contains { location.hasPrefix($0) }
    }
  }

  /// `word` as the shell would hand it on, for the simple cases: quotes around it, backslashes, and the home folder.
  private static func plain(_ word: String, home: String) -> String {
    if let quote = word.first, word.count > 1, quote == word.last, quote == "'" || quote == "\"" {
      return String(word.dropFirst().dropLast())
    }
    let word = word.hasPrefix("~/") ? home + word.dropFirst() : word
    return word.replacing("\\", with: "")
  }
}
