import Logging
import Testing

@testable import ResticCore

@Suite("Storage options after -o")
struct OptionValuesTests {
  private func options<Options: StorageOptions>(_ scheme: String, _ texts: [String]) throws -> Options {
    var values = try OptionValues(texts, of: scheme)
    let options = try Options(&values)
    try values.finish()
    return options
  }

  private func local(_ texts: String...) throws -> LocalOptions { try options("local", texts) }
  private func rest(_ texts: String...) throws -> RESTOptions { try options("rest", texts) }

  @Test("local.connections sets the number of simultaneous calls; white space and case of a key do not matter")
  func connections() throws {
    #expect(try local().connections == LimitedBackend.defaultConnections)
    #expect(try local("local.connections=2").connections == 2)
    #expect(try local(" Local.Connections = 1000 ").connections == 1000)
    #expect(try local("local.connections=3", "local.connections=3", "local.layout=default").connections == 3)
  }

  @Test("rest.connections and rest.immediate-listings are a REST server's")
  func rest() throws {
    #expect(try rest().connections == LimitedBackend.defaultConnections && !rest().hasImmediateListings)
    let options = try rest("rest.connections=7", "REST.immediate-listings=true")
    #expect(options.connections == 7 && options.hasImmediateListings)
    for text in ["rest.connections=0", "rest.immediate-listings=yes", "rest.immediate-listings", "rest.other=1"] {
      #expect(throws: OptionError.self, "\(text)") { try rest(text) }
    }
  }

  @Test("options of other storages are ignored, as in restic")
  func others() throws {
    #expect(try local("s3.connections=x", "sftp.command=a=b, c", "rest.anything") == local())
  }

  @Test(
    "invalid values, unknown keys and two values for one key are refused",
    arguments: [
      ["local.connections=0"], ["local.connections=-1"], ["local.connections=1001"], ["local.connections=x"],
      ["local.connections="], ["local.connections"], ["local.layout=s3legacy"], ["local.other=1"], ["ro"], ["a=b"],
      [""],
      ["="], ["what.connections=1"], ["local.connections=1", "local.connections=2"], [".=1"], ["."],
    ])
  func refused(texts: [String]) throws {
    let location = try BackendLocation.parse("/srv/vault")
    #expect(throws: OptionError.self) {
      try location.makeBackend(options: texts, transport: TransportOptions(), logger: Logger(label: "test"))
    }
  }

  @Test("the error for an unknown option lists the storage's options")
  func known() throws {
    #expect(throws: OptionError.unknown("rest.other", known: ["rest.connections", "rest.immediate-listings"])) {
      try rest("rest.other=1")
    }
  }

  @Test("a key that begins with a storage's name and a dot is an option of the storage")
  func names() {
    for text in ["local.connections=1", "s3.x", "LOCAL.x", "rest.a,b"] {
      #expect(OptionValues.names(storageOptionIn: text), "\(text)")
    }
    for text in ["ro", "local", "locale.x=1", "fsname=local.x", "x=1.5", ""] {
      #expect(!OptionValues.names(storageOptionIn: text), "\(text)")
    }
  }
}
