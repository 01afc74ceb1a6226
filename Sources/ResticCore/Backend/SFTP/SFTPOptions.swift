internal import Platform

/// The options of an SSH server. Source: restic, internal/backend/sftp/config.go.
struct SFTPOptions: StorageOptions, Hashable {
  let connections: Int
  /// The words of the program to run instead of ssh: `sftp.command`.
  let command: [String]?
  /// Further arguments of ssh: `sftp.args`.
  let arguments: [String]
  /// Whether every listing shows everything that was saved before the listing began: `sftp.immediate-listings`, which
  /// restic does not have.
  let hasImmediateListings: Bool

  init(_ values: inout OptionValues) throws(OptionError) {
    connections = try values.connections()
    command = try Self.words(&values, "command")
    let given = try Self.words(&values, "args")
    guard command == nil || given == nil else {
      throw .invalid("sftp.args", value: Self.unsaid, expected: "left out if sftp.command is given")
    }
    arguments = given ?? []
    hasImmediateListings = try values.flag("immediate-listings") ?? false
    try values.requireDefaultLayout()
  }

  /// A command line may hold a password.
  private static let unsaid = "…"

  /// An empty value counts as none, as in restic.
  private static func words(_ values: inout OptionValues, _ name: String) throws(OptionError) -> [String]? {
    guard let text = values.text(name), !text.isEmpty else { return nil }
    do throws(CommandWords.Failure) {
      return try CommandWords.split(text)
    } catch {
      throw .invalid("sftp.\(name)", value: unsaid, expected: "words with closed quotes")
    }
  }
}
