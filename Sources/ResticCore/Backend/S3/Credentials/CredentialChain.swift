/// Looks for credentials in one place after the other; the first that has some counts, and if they cannot be used that is the
/// error: to go on under another identity would surprise whoever has put them there.
///
/// The last of the places is a service behind a link-local address, which is waited for on every machine that has none.
struct CredentialChain: CredentialProvider {
  let places: [any CredentialProvider]

  func credentials() async throws(CredentialError) -> S3Credentials? {
    for place in places {
      if let found = try await place.credentials() { return found }
    }
    return nil
  }
}
