/// A git server program that git may want to talk to; the raw value is git's name for it.
enum Service: String, Hashable, Sendable {
  case uploadPack = "git-upload-pack"
  case receivePack = "git-receive-pack"
  case uploadArchive = "git-upload-archive"

  /// The subcommand of `git`, and the options it needs.
  ///
  /// `--strict` and its absence: `receive-pack` has no such option, so `ServedRepository` refuses what it would guess at.
  var arguments: [String] {
    switch self {
    case .uploadPack: ["upload-pack", "--strict"]
    case .receivePack: ["receive-pack"]
    case .uploadArchive: ["upload-archive"]
    }
  }

  /// Whether it changes the repository.
  var writes: Bool { self == .receivePack }
}
