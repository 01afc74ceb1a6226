import ResticCore
import SystemPackage
import Testing

@Suite("What -o says of the storage")
struct BackendOptionsTests {
  private func options(_ texts: String...) throws -> BackendOptions {
    try BackendOptions(texts, for: .local("/srv/vault"))
  }

  @Test("local.connections is how many calls are made at a time; white space and case of a key do not matter")
  func connections() throws {
    #expect(try options().connections == LimitedBackend.defaultConnections)
    #expect(try options("local.connections=2").connections == 2)
    #expect(try options(" Local.Connections = 1000 ").connections == 1000)
    #expect(try options("local.connections=3", "local.connections=3", "local.layout=default").connections == 3)
  }

  @Test("rest.connections and rest.immediate-listings are a REST server's")
  func rest() throws {
    let location = try BackendLocation.parse("rest:http://nas/")
    #expect(try BackendOptions([], for: location) == BackendOptions())
    let options = try BackendOptions(["rest.connections=7", "REST.immediate-listings=true"], for: location)
    #expect(options.connections == 7 && options.hasImmediateListings)
    for text in ["rest.connections=0", "rest.immediate-listings=yes", "rest.immediate-listings", "rest.other=1"] {
      #expect(throws: BackendOptionError.self, "\(text)") { try BackendOptions([text], for: location) }
    }
  }

  @Test("options of other storages are not looked at, as in restic")
  func others() throws {
    #expect(try options("s3.connections=x", "sftp.command=a=b, c", "rest.anything") == BackendOptions())
  }

  @Test(
    "values that make no sense, unknown keys and two values for one key are refused",
    arguments: [
      ["local.connections=0"], ["local.connections=-1"], ["local.connections=1001"], ["local.connections=x"],
      ["local.connections="], ["local.connections"], ["local.layout=s3legacy"], ["local.other=1"], ["ro"], ["a=b"],
      [""],
      ["="], ["what.connections=1"], ["local.connections=1", "local.connections=2"], [".=1"], ["."],
    ])
  func refused(texts: [String]) {
    #expect(throws: BackendOptionError.self) { try BackendOptions(texts, for: .local("/srv/vault")) }
  }

  @Test("a storage's name and a dot make an option of the storage")
  func names() {
    for text in ["local.connections=1", "s3.x", "LOCAL.x", "rest.a,b"] {
      #expect(BackendOptions.names(storageOptionIn: text), "\(text)")
    }
    for text in ["ro", "local", "locale.x=1", "fsname=local.x", "x=1.5", ""] {
      #expect(!BackendOptions.names(storageOptionIn: text), "\(text)")
    }
  }
}
