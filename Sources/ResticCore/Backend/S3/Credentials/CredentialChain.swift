/// Looks for credentials in one place after the other. The first place that has some counts; if they are unusable, that
/// is the error, because continuing under another identity would surprise the person who put them there.
///
/// The last place is a service behind a link-local address; on a machine without it, the connection attempt takes time.
struct CredentialChain: CredentialProvider {
  let places: [any CredentialProvider]

  func credentials() async throws(CredentialError) -> S3Credentials? {
    for place in places {
      if let found = try await place.credentials() { return found }
    }
    return nil
  }
}
