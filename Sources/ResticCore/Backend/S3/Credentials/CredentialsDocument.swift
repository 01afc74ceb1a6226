/// Credentials as programs and services return them.
///
///     {"Version": 1, "AccessKeyId": "ASIA…", "SecretAccessKey": "…", "SessionToken": "…", "Expiration": "2026-11-29T12:00:00Z"}
///
/// The service of a machine or container calls the token `Token`, and may return `Code` and `Message` instead of
/// credentials.
/// Source: AWS SDKs and Tools Reference Guide, "Process credential provider" and "Container credential provider".
enum CredentialsDocument {
  /// The credentials in `bytes`, which came from `source`.
  static func decode(_ bytes: [UInt8], source: String) throws(CredentialError) -> S3Credentials {
    var texts: [String: String] = [:]
    do throws(FormatError) {
      try GoJSON.read(bytes, "credentials") { reader throws(FormatError) in
        var object = try reader.beginObject()
        while let key = try reader.nextKey(&object) {
          let name = key.text
          if Self.members.contains(name) {
            texts[name] = try reader.skipNull() ? nil : try reader.string()
          } else {
            try reader.skipValue()
          }
        }
      }
    } catch {
      // The error names an offset, and no content.
      throw CredentialError("\(source): its answer contains no credentials: \(error)")
    }
    guard let key = texts["AccessKeyId"], let secret = texts["SecretAccessKey"] else {
      let code = (texts["Code"] ?? "").utf8.filter { (0x20..<0x7f).contains($0) }.prefix(80)
      throw CredentialError(
        "\(source): its answer lacks AccessKeyId or SecretAccessKey"
          + (code.isEmpty ? "" : " (\(String(decoding: code, as: UTF8.self)))"))
    }
    return try S3Credentials(
      accessKeyID: key, secret: secret, sessionToken: texts["SessionToken"] ?? texts["Token"],
      expiration: try expiration(texts["Expiration"], source), source: source)
  }

  /// The seconds since 1970 of `text`; nil if there is none. An unreadable expiration is an error, and is not ignored.
  static func expiration(_ text: String?, _ source: String) throws(CredentialError) -> Int64? {
    guard let text, !text.isEmpty else { return nil }
    guard let time = Timestamp(rfc3339: text.utf8) else { throw CredentialError("\(source): Expiration is not a time") }
    return time.seconds
  }

  private static let members: Set<String> = [
    "AccessKeyId", "SecretAccessKey", "SessionToken", "Token", "Expiration", "Code",
  ]
}
