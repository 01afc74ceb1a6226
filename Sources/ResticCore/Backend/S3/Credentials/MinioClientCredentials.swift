/// Credentials of the alias `s3` (MINIO_ALIAS) in the file of MinIO's client, `~/.mc/config.json`.
///
///     {"version": "10", "aliases": {"s3": {"url": …, "accessKey": …, "secretKey": …, "api": "S3v4"}}}
///
/// Before version 10 it is `hosts`. Source: minio-go, file_minio_client.go.
struct MinioClientCredentials: CredentialProvider {
  let environment: S3Environment

  func credentials() async throws(CredentialError) -> S3Credentials? {
    guard let path = environment[.minioFile] ?? environment[.home].map({ "\($0)/.mc/config.json" }),
      let bytes = try await CredentialFile.load(path)
    else { return nil }
    let alias = environment[.minioAlias] ?? "s3"
    let pair: (key: String, secret: String)?
    do throws(FormatError) {
      pair = try Self.pair(of: alias, in: bytes)
    } catch {
      throw CredentialError("\(path) cannot be read: \(error)")
    }
    guard let pair, !pair.key.isEmpty || !pair.secret.isEmpty else { return nil }
    return try S3Credentials(accessKeyID: pair.key, secret: pair.secret, source: "alias \(alias) of \(path)")
  }

  static func pair(of alias: String, in bytes: [UInt8]) throws(FormatError) -> (key: String, secret: String)? {
    var version = ""
    var aliases: (key: String, secret: String)?
    var hosts: (key: String, secret: String)?
    try GoJSON.read(bytes, "MinIO's file") { reader throws(FormatError) in
      var object = try reader.beginObject()
      while let key = try reader.nextKey(&object) {
        if key == "version" {
          version = try reader.string()
        } else if key == "aliases" {
          aliases = try pair(of: alias, &reader)
        } else if key == "hosts" {
          hosts = try pair(of: alias, &reader)
        } else {
          try reader.skipValue()
        }
      }
    }
    return version == "10" ? aliases : hosts
  }

  private static func pair(
    of alias: String, _ reader: inout GoJSON.Reader
  ) throws(FormatError) -> (key: String, secret: String)? {
    guard try !reader.skipNull() else { return nil }
    var result: (key: String, secret: String)?
    var object = try reader.beginObject()
    while let key = try reader.nextKey(&object) {
      guard key.text.hasBytes(of: alias) else {
        try reader.skipValue()
        continue
      }
      var pair = (key: "", secret: "")
      var members = try reader.beginObject()
      while let member = try reader.nextKey(&members) {
        if member == "accessKey" {
          pair.key = try reader.string()
        } else if member == "secretKey" {
          pair.secret = try reader.string()
        } else {
          try reader.skipValue()
        }
      }
      result = pair
    }
    return result
  }
}
