import Testing

@testable import ResticCore

@Suite("S3Endpoint, AmazonHost and S3Region")
struct S3EndpointTests {
  @Test(
    "the name of an Amazon host contains the region, and leads to the same kind of host in another region",
    arguments: [
      ("s3.amazonaws.com", nil, "s3.eu-west-1.amazonaws.com"),
      ("s3-external-1.amazonaws.com", "us-east-1", "s3.eu-west-1.amazonaws.com"),
      ("s3.eu-central-1.amazonaws.com", "eu-central-1", "s3.eu-west-1.amazonaws.com"),
      ("s3.us-gov-east-1.amazonaws.com", "us-gov-east-1", "s3.eu-west-1.amazonaws.com"),
      ("s3-eu-central-1.amazonaws.com", "eu-central-1", "s3.eu-west-1.amazonaws.com"),
      ("s3.dualstack.eu-central-1.amazonaws.com", "eu-central-1", "s3.dualstack.eu-west-1.amazonaws.com"),
      ("s3-fips.us-east-2.amazonaws.com", "us-east-2", "s3-fips.eu-west-1.amazonaws.com"),
      ("s3.cn-north-1.amazonaws.com.cn", "cn-north-1", "s3.eu-west-1.amazonaws.com.cn"),
      ("bucket.vpce-1a2b-5e6f.s3.us-east-1.vpce.amazonaws.com", "us-east-1", nil),
      ("s3-accelerate.amazonaws.com", nil, nil), ("x.s3.amazonaws.com", nil, nil), (".amazonaws.com", nil, nil),
    ] as [(String, String?, String?)])
  func amazon(host: String, region: String?, other: String?) throws {
    let amazon = try #require(AmazonHost(host))
    #expect(amazon.region == region)
    #expect(amazon.name(in: "eu-west-1") == other)
    #expect(S3Region.named(by: host) == region ?? "us-east-1")
  }

  @Test(
    "other hosts do not count as Amazon's",
    arguments: [
      "amazonaws.com", "s3.amazonaws.com.evil.example", "s3.eu-west-1.amazonaws.org", "nas", "127.0.0.1", "[::1]", "",
      "s3amazonaws.com", "storage.googleapis.com",
    ])
  func others(host: String) {
    #expect(AmazonHost(host) == nil)
    #expect(S3Region.named(by: host) == "us-east-1")
  }

  @Test(
    "a region's name may be used in header fields and host names",
    arguments: ["", "eu west", "a.b", "a/b", "a\r\nb", "é", "a:b"])
  func invalidRegions(text: String) {
    #expect(!S3Region.isValid(text) && !S3Region.isValid(String(repeating: "a", count: 65)))
  }

  @Test(
    "the bucket is in the host name where that is known to work, and in the path elsewhere; an option overrides this",
    arguments: [
      ("s3.amazonaws.com/vault", "auto", "us-east-1", "https://vault.s3.amazonaws.com", "/"),
      ("s3.amazonaws.com/vault", "auto", "eu-west-1", "https://vault.s3.eu-west-1.amazonaws.com", "/"),
      ("s3.amazonaws.com/vault", "path", "eu-west-1", "https://s3.eu-west-1.amazonaws.com", "/vault/"),
      ("s3.amazonaws.com/my.vault", "auto", "us-east-1", "https://s3.amazonaws.com", "/my.vault/"),
      ("http://s3.amazonaws.com/my.vault", "auto", "us-east-1", "http://my.vault.s3.amazonaws.com", "/"),
      ("s3.amazonaws.com/Old_Vault", "auto", "us-east-1", "https://s3.amazonaws.com", "/Old_Vault/"),
      ("storage.googleapis.com/vault", "auto", "us-east-1", "https://vault.storage.googleapis.com", "/"),
      ("oss-eu-west-1.aliyuncs.com/vault", "auto", "x", "https://vault.oss-eu-west-1.aliyuncs.com", "/"),
      ("nas:9000/vault", "auto", "eu-west-1", "https://nas:9000", "/vault/"),
      ("nas:9000/vault", "dns", "eu-west-1", "https://vault.nas:9000", "/"),
      ("nas/a b", "dns", "eu-west-1", "https://nas", "/a%20b/"),
    ])
  func lookup(text: String, lookup: String, region: String, origin: String, path: String) throws {
    let lookup = try #require(BucketLookup(rawValue: lookup))
    let endpoint = S3Endpoint(try S3Location(text), in: region, lookup: lookup)
    #expect(endpoint.origin.description == origin && endpoint.path == path)
    #expect(endpoint.path(of: "a b/+é?") == "\(path)a%20b/%2B%C3%A9%3F")
  }
}
