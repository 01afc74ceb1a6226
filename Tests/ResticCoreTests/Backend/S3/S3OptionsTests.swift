import Testing

@testable import ResticCore

@Suite("S3Options")
struct S3OptionsTests {
  private func options(_ texts: String...) throws -> S3Options {
    var values = try OptionValues(texts, of: "s3")
    let options = try S3Options(&values)
    try values.finish()
    return options
  }

  @Test("restic's options and one option of this program are accepted")
  func known() throws {
    let defaults = try options()
    #expect(defaults.connections == LimitedBackend.defaultConnections && defaults.region == nil)
    #expect(defaults.lookup == .auto && !defaults.usesFirstListing && !defaults.isAnonymous)
    #expect(defaults.storageClass == nil && defaults.hasImmediateListings == nil)
    let all = try options(
      "s3.connections=9", "s3.region=eu-west-1", "s3.storage-class=STANDARD_IA", "s3.bucket-lookup=DNS",
      "s3.list-objects-v1=true", "s3.unsafe-anonymous-auth=1", "s3.immediate-listings=false",
      "s3.layout=", "s3.enable-restore=false")
    #expect(
      all.connections == 9 && all.region == "eu-west-1" && all.storageClass == "STANDARD_IA" && all.lookup == .dns)
    #expect(all.usesFirstListing && all.isAnonymous && all.hasImmediateListings == false)
  }

  @Test(
    "invalid values and unsupported options are refused, with a reason",
    arguments: [
      ("s3.connections=0", "number"), ("s3.region=eu west", "region"), ("s3.bucket-lookup=host", "auto, dns or path"),
      ("s3.list-objects-v1=yes", "true or false"), ("s3.storage-class=GLACIER", "read at once"),
      ("s3.storage-class=deep_archive", "read at once"), ("s3.storage-class=A B", "read at once"),
      ("s3.enable-restore=true", "restic can do that"), ("s3.layout=s3legacy", "default"),
      ("s3.other=1", "s3.bucket-lookup"),
      ("s3.retries=10", "15 minutes"), ("s3.restore-days=7", "restic can do that"),
      ("s3.restore-timeout=24h", "restic can do that"), ("s3.restore-tier=Bulk", "not supported here"),
    ])
  func refused(text: String, said: String) {
    let error = #expect(throws: OptionError.self) { try options(text) }
    #expect(error?.description.contains(said) == true, "\(String(describing: error))")
  }

  @Test("a region comes from the option, else from AWS_DEFAULT_REGION, else from the host")
  func region() throws {
    #expect(try options("s3.region=a").withDefault(region: "b").region == "a")
    #expect(try options().withDefault(region: "b").region == "b")
    #expect(try options().withDefault(region: "b c").region == nil)
    for (text, variable, region) in [
      ("s3.eu-west-3.amazonaws.com/b", nil, "eu-west-3"), ("nas/b", nil, "us-east-1"), ("nas/b", "garage", "garage"),
    ] as [(String, String?, String)] {
      let environment = S3Environment { $0 == "AWS_DEFAULT_REGION" ? variable : nil }
      let backend = S3Backend(
        try S3Location(text), options: try options(), environment: environment, transport: TransportOptions())
      #expect(backend.client.region == region)
    }
  }

  @Test("listings are immediate at Amazon, and elsewhere if an option says so")
  func listings() async throws {
    for (text, option, isImmediate) in [
      ("s3.amazonaws.com/b", nil, true), ("s3.amazonaws.com/b", "s3.immediate-listings=false", false),
      ("nas/b", nil, false),
      ("nas/b", "s3.immediate-listings=true", true),
    ] as [(String, String?, Bool)] {
      let own = try option.map { try options($0) } ?? options()
      let backend = S3Backend(
        try S3Location(text), options: own, environment: S3Environment(), transport: TransportOptions())
      #expect(await backend.listingsAreImmediate(of: .lock) == isImmediate)
    }
  }
}
