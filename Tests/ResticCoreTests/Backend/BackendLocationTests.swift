import ResticCore
import Testing

@Suite("BackendLocation")
struct BackendLocationTests {
  @Test(
    "folders are spelled as in restic",
    arguments: [
      ("/srv/vault", "/srv/vault"), ("vault", "vault"), ("a/b", "a/b"), ("local:/srv/vault", "/srv/vault"),
      ("local:vault", "vault"), ("local:s3:x", "s3:x"), ("/srv/a:b", "/srv/a:b"), ("./a:b", "./a:b"),
      ("../a:b", "../a:b"), ("~/x", "~/x"), (".", "."), ("local:é", "é"),
    ])
  func folders(text: String, path: String) throws {
    let location = try BackendLocation.parse(text)
    #expect(location.description == path)
  }

  @Test(
    "restic's other schemes are refused with advice",
    arguments: [
      "b2:bucket:path", "gs:bucket:/", "azure:container:/", "swift:container:/path",
    ])
  func otherSchemes(text: String) {
    let scheme = String(text.prefix { $0 != ":" })
    let error = #expect(throws: BackendLocationError.notSupported(scheme: scheme)) { try BackendLocation.parse(text) }
    #expect("\(String(describing: error))".contains("secret") == false)
    #expect(error?.description.contains("rclone:REMOTE:") == true)
  }

  @Test("a mistyped scheme is not taken for a folder")
  func unknownScheme() {
    #expect(throws: BackendLocationError.unknownScheme("S3")) { try BackendLocation.parse("S3:bucket") }
    #expect(throws: BackendLocationError.unknownScheme("")) { try BackendLocation.parse(":x") }
    #expect(throws: BackendLocationError.empty) { try BackendLocation.parse("") }
    #expect(throws: BackendLocationError.empty) { try BackendLocation.parse("local:") }
  }
}
