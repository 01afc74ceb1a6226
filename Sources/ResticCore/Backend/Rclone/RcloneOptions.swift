internal import Platform

/// The options of rclone's remotes. Source: restic, internal/backend/rclone/config.go.
struct RcloneOptions: StorageOptions, Hashable {
  let connections: Int
  /// The program, `rclone.program`, and its arguments, `rclone.args`.
  let words: [String]
  /// The longest time until the program answers: `rclone.timeout`.
  let timeout: Duration
  /// Whether every listing shows everything that was saved before the listing began: `rclone.immediate-listings`, which
  /// restic does not have.
  let hasImmediateListings: Bool

  init(_ values: inout OptionValues) throws(OptionError) {
    connections = try values.connections()
    // As in restic, one of the options may be empty if the other one has everything.
    words = try Self.words(&values, "program", "rclone") + Self.words(&values, "args", Self.arguments)
    guard !words.isEmpty else { throw .invalid("rclone.program", value: "", expected: "a program") }
    timeout =
      try values.value("timeout", expected: "a duration of a second or more, for example 1m") { text in
        Duration(text: text).flatMap { $0 >= .seconds(1) ? $0 : nil }
      } ?? .seconds(60)
    hasImmediateListings = try values.flag("immediate-listings") ?? false
  }

  private static let arguments = "serve restic --stdio --b2-hard-delete"

  private static func words(
    _ values: inout OptionValues, _ name: String, _ otherwise: String
  ) throws(OptionError) -> [String] {
    guard let text = values.text(name) else { return otherwise.split(separator: " ").map(String.init) }
    guard !text.isEmpty else { return [] }
    do throws(CommandWords.Failure) {
      return try CommandWords.split(text)
    } catch {
      // A command may hold a secret.
      throw .invalid("rclone.\(name)", value: "…", expected: "words with closed quotes")
    }
  }

  /// The program for `location`; `file` is its path, if it has been looked up.
  func command(for location: RcloneLocation, file: String? = nil) -> ServiceCommand {
    ServiceCommand(
      words: [file ?? words[0]] + words.dropFirst() + [location.remote], name: "rclone", startLimit: timeout,
      advice: "install rclone (https://rclone.org/install), or name the program with -o rclone.program=PATH",
      secrets: location.secrets)
  }
}
