/// The keys that sign requests to S3. Never printed with a secret, in any way of printing.
struct S3Credentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// The public part.
  let accessKeyID: String
  /// The secret part, which is never sent.
  let secret: String
  /// The token that is sent with temporary credentials.
  let sessionToken: String?
  /// When they expire, in seconds since 1970; nil: never.
  let expiration: Int64?
  /// Their source, for messages: `AWS_ACCESS_KEY_ID`.
  let source: String

  /// Credentials from `source`. Throws if a part contains a character that a header field cannot hold.
  init(
    accessKeyID: String, secret: String, sessionToken: String? = nil, expiration: Int64? = nil, source: String
  ) throws(CredentialError) {
    func canBeSent(_ text: String) -> Bool { text.utf8.allSatisfy { (0x21..<0x7f).contains($0) } }
    guard !accessKeyID.isEmpty, !secret.isEmpty else { throw CredentialError("\(source): a key is empty") }
    guard canBeSent(accessKeyID), canBeSent(sessionToken ?? "") else {
      throw CredentialError("\(source): the access key or the session token holds a character that cannot be sent")
    }
    self.accessKeyID = accessKeyID
    self.secret = secret
    self.sessionToken = sessionToken.flatMap { $0.isEmpty ? nil : $0 }
    self.expiration = expiration
    self.source = source
  }

  /// The access key as messages show it: `AKIA…MPLE (AWS_ACCESS_KEY_ID)`.
  var description: String {
    let isLong = accessKeyID.utf8.count >= 16
    return "\(isLong ? "\(accessKeyID.prefix(4))…\(accessKeyID.suffix(4))" : accessKeyID) (\(source))"
  }

  /// For `dump` and other reflection.
  var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
