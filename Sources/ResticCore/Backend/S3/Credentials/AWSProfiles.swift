/// Profiles in Amazon's files: `~/.aws/credentials` and `~/.aws/config`.
///
///     [work]                        in ~/.aws/config: [profile work]
///     aws_access_key_id = AKIA…
///     credential_process = /opt/bin/keys "two words"
///
/// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files"; minio-go, file_aws_credentials.go.
struct AWSProfiles: Hashable, Sendable {
  /// The kind of file.
  enum Kind: Sendable {
    /// Sections are profiles.
    case credentials
    /// Sections are `profile NAME`, and `default`.
    case config
  }

  private static let pair = ["aws_access_key_id", "aws_secret_access_key"]

  private var profiles: [String: [String: String]] = [:]

  /// The settings of the profile `name`; nil if there is no such profile.
  func settings(of name: String) -> [String: String]? { profiles[name] }

  /// Adds the profiles in `text`. Existing settings are replaced one by one; a pair of keys is replaced only by a pair.
  mutating func add(_ text: String, _ kind: Kind) {
    for (section, settings) in Self.sections(text) {
      guard let name = Self.profile(section, kind) else { continue }
      var merged = profiles[name] ?? [:]
      let isPair = Self.pair.allSatisfy { settings[$0] != nil }
      for (key, value) in settings {
        let isOfPair = Self.pair.contains(key) || key == "aws_session_token"
        if isOfPair, !isPair, !merged.isEmpty { continue }
        merged[key] = value
      }
      // A token belongs to the pair beside which it is written.
      if isPair, settings["aws_session_token"] == nil { merged["aws_session_token"] = nil }
      profiles[name] = merged
    }
  }

  private static func profile(_ section: String, _ kind: Kind) -> String? {
    switch kind {
    case .credentials: return section.hasPrefix("profile ") ? nil : section
    case .config:
      if section.hasPrefix("profile ") { return trimmed(section.dropFirst("profile ".count)) }
      return section == "default" ? section : nil
    }
  }

  /// The sections of `text` in order. Indented lines belong to a setting that is not needed here.
  private static func sections(_ text: String) -> [(name: String, settings: [String: String])] {
    var sections: [(name: String, settings: [String: String])] = []
    for line in text.split(whereSeparator: \.isNewline) {
      guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
      if first == "[" {
        guard let end = line.firstIndex(of: "]") else { continue }
        sections.append((trimmed(line[line.index(after: line.startIndex)..<end]), [:]))
        continue
      }
      guard !sections.isEmpty, let separator = line.firstIndex(where: { $0 == "=" || $0 == ":" }) else { continue }
      let value = withoutComment(line[line.index(after: separator)...])
      sections[sections.count - 1].settings[trimmed(line[..<separator]).lowercased()] = value
    }
    return sections
  }

  /// A comment at the end of a line begins after a space.
  private static func withoutComment(_ text: Substring) -> String {
    for mark in [" #", " ;", "\t#", "\t;"] {
      if let start = text.firstRange(of: mark)?.lowerBound { return withoutComment(text[..<start]) }
    }
    return trimmed(text)
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}
