import Logging
import Testing

@testable import ResticCore

/// L1, and the advice for storages that rclone reaches.
@Suite("RcloneLocation and RcloneOptions")
struct RcloneLocationTests {
  private func location(_ text: String) throws -> RcloneLocation {
    guard case .rclone(let location) = try BackendLocation.parse("rclone:\(text)") else {
      throw BackendLocationError.empty
    }
    return location
  }

  private func options(_ texts: String...) throws -> RcloneOptions {
    var values = try OptionValues(texts, of: "rclone")
    let options = try RcloneOptions(&values)
    try values.finish()
    return options
  }

  @Test(
    "rclone gets the text after rclone: unchanged",
    arguments: [
      "remote:path", "remote:", "/srv/vault", ":local:/srv/vault", "a b:c d", "x", "../x", "remote:a,b=c:d", "/a,b",
      "./a,b", "é:é",
      "remote:-x",
    ])
  func remotes(text: String) throws {
    let location = try location(text)
    #expect(location.remote.utf8.elementsEqual(text.utf8))
    #expect(location.description.utf8.elementsEqual("rclone:\(text)".utf8))
    #expect(try options().command(for: location).words.last?.utf8.elementsEqual(text.utf8) == true)
  }

  @Test(
    "options of a remote are not printed",
    arguments: [
      ("remote,pass=geheim:path", "rclone:remote,***:path"), (":sftp,pass=geheim:", "rclone::sftp,***:"),
      (":sftp,pass=\"ge:\"\"heim\",host=h:/p:q", "rclone::sftp,***:/p:q"),
      (":s3,pass='geheim:',a=b:p", "rclone::s3,***:p"), ("remote,pass=geheim", "rclone:remote,***"),
      ("remote,pass=\"geheim:path", "rclone:remote,***"),
    ])
  func secrets(text: String, printed: String) throws {
    let location = try location(text)
    #expect(location.remote == text && "\(location)" == printed)
    let command = try options().command(for: location)
    let quoted = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    for line in ["cannot open \"\(text)\": no", "cannot open \"\(quoted)\": no"] {
      #expect(!ServiceSecrets(command.secrets).hidden(in: line).contains("heim"), "\(line)")
    }
  }

  @Test("a printed line shows no option's value and no part of one, however the option is written")
  func values() throws {
    let secrets = ServiceSecrets(try location(":sftp,pass=\"ge:\"\"heim\",host=nas7:/p").secrets)
    #expect(secrets.hidden(in: "bad \"ge:\\\"heim\" at nas7") == "bad \"***\" at ***")
    #expect(secrets.hidden(in: "bad ge:\"heim") == "bad ***")
    #expect(secrets.hidden(in: "cannot open :sftp,pass=\"ge", isCut: true) == "cannot open :sftp***")
    var words = ServiceWords(hiding: secrets)
    let line = String(repeating: "x", count: (16 << 10) - 3) + "nas7 and more\n"
    #expect(words.take(ArraySlice(line.utf8)).first?.contains("nas") == false)
  }

  @Test("an invalid remote is refused", arguments: ["", "-x", "--config=/x", "a\nb:", "a\0b:", "\u{7f}"])
  func refused(text: String) {
    let error = #expect(throws: BackendLocationError.self) { try BackendLocation.parse("rclone:\(text)") }
    guard case .malformed(scheme: "rclone", _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test("the program and its arguments are split into words without a shell")
  func words() throws {
    #expect(try options().words == ["rclone", "serve", "restic", "--stdio", "--b2-hard-delete"])
    #expect(try options().connections == 5 && options().timeout == .seconds(60))
    let ssh = try options("rclone.program=ssh user@host 'a b' $X", "rclone.args=", "rclone.timeout=1m30s")
    #expect(ssh.words == ["ssh", "user@host", "a b", "$X"] && ssh.timeout == .seconds(90))
    #expect(try options("rclone.program=", "rclone.args=x y", "rclone.connections=3").words == ["x", "y"])
    #expect(try options("rclone.immediate-listings=true").hasImmediateListings)
    for text in ["rclone.program='x", "rclone.timeout=1", "rclone.timeout=0s", "rclone.connections=0", "rclone.x=1"] {
      #expect(throws: OptionError.self, "\(text)") { try options(text) }
    }
    #expect(throws: OptionError.self) { try options("rclone.program=", "rclone.args=") }
  }

  @Test("a missing program is reported before anything else", arguments: ["no-such-rclone", "./no", "/etc"])
  func missing(program: String) throws {
    let location = try BackendLocation.parse("rclone:x:")
    let error = #expect(throws: OptionError.self) {
      try location.makeBackend(
        options: ["rclone.program=\(program)"], transport: TransportOptions(), logger: Logger(label: "test"))
    }
    #expect(error?.description.contains("https://rclone.org/install") == true)
  }

  @Test(
    "the error for a storage that rclone reaches names the remote to use",
    arguments: [
      ("b2:x:y", "b2"), ("azure:x:/", "azureblob"), ("gs:x:/", "google cloud storage"), ("swift:x:/", "swift"),
    ])
  func others(text: String, type: String) {
    let error = #expect(throws: BackendLocationError.self) { try BackendLocation.parse(text) }
    let message = error?.description ?? ""
    #expect(message.contains("use rclone:REMOTE:BUCKET") && message.contains("rclone config"))
    #expect(message.contains("\"\(type)\""))
  }
}
