/// Credentials from the service of a container: ECS, and EKS with pod identities.
///
/// AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is a path on 169.254.170.2; AWS_CONTAINER_CREDENTIALS_FULL_URI is an address,
/// which over plain HTTP must be this machine's or one of the two services', so that nobody else gets the token.
/// Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
struct ContainerCredentials: CredentialProvider {
  private static let host = "169.254.170.2"
  private static let trustedHosts: Set<String> = [host, "169.254.170.23", "[fd00:ec2::23]", "localhost"]
  private static let source = "the container's credentials"

  let environment: S3Environment
  let makeTransport: TransportMaker

  func credentials() async throws(CredentialError) -> S3Credentials? {
    let (origin, path): (HTTPOrigin, String)
    if let relative = environment[.containerPath] {
      guard relative.hasPrefix("/"), relative.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
        throw CredentialError("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path")
      }
      (origin, path) = (HTTPOrigin(scheme: .http, host: Self.host), relative)
    } else if let url = environment[.containerURL] {
      guard let parsed = HTTPOrigin.parse(url) else {
        throw CredentialError("AWS_CONTAINER_CREDENTIALS_FULL_URI cannot be read")
      }
      (origin, path) = parsed
      guard origin.scheme == .https || Self.isTrusted(origin.host) else {
        throw CredentialError(
          "AWS_CONTAINER_CREDENTIALS_FULL_URI names \(origin.host), which must be reached with https://")
      }
    } else {
      return nil
    }
    var fields: [String] = []
    if let token = try await token() { fields.append("Authorization: \(token)") }
    let limits: ServiceLimits = origin.scheme == .http ? .linkLocal : .tokenService
    let service = CredentialService(transport: makeTransport(origin, limits), source: Self.source)
    let bytes = try await service.ask(HTTPRequest(method: .get, target: path, fields: fields))
    return try CredentialsDocument.decode(bytes, source: Self.source)
  }

  private static func isTrusted(_ host: String) -> Bool {
    let address = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    return trustedHosts.contains(host) || NetworkAddress(address)?.isLoopback == true
  }

  /// The token that identifies the container; the file is read each time, because it changes.
  private func token() async throws(CredentialError) -> String? {
    var token = environment[.containerToken]
    if let path = environment[.containerTokenFile] {
      guard let bytes = try await CredentialFile.load(path) else { throw CredentialError("there is no file \(path)") }
      token = String(decoding: bytes, as: UTF8.self).trimmedOfSpace
    }
    guard token?.utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) != false else {
      throw CredentialError("\(Self.source): the token holds a character that cannot be sent")
    }
    return token
  }
}

extension String {
  /// Without white space around it.
  var trimmedOfSpace: String {
    var text = self[...].drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}
