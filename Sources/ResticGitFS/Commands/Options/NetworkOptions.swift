import ArgumentParser
import ResticCore
import SystemPackage

/// How to access a server in a network: restic's options and variables.
struct NetworkOptions: ParsableArguments {
  private static let standardTimeout = Duration.seconds(300)

  @Option(
    help: ArgumentHelp(
      "A file of certificates to trust instead of the system's; may be given more than once (default: $RESTIC_CACERT).",
      valueName: "file"), completion: .file())
  var cacert: [String] = []

  @Option(
    help: ArgumentHelp(
      "A file that holds a certificate and its key, to show to servers (default: $RESTIC_TLS_CLIENT_CERT).",
      valueName: "file"), completion: .file())
  var tlsClientCert: String?

  @Flag(
    help:
      "Trust any server. An attacker on the network can then replace and remove stored files, and read the server's password."
  )
  var insecureTls = false

  @Option(help: ArgumentHelp("The User-Agent to send (default: $RESTIC_HTTP_USER_AGENT).", valueName: "name"))
  var httpUserAgent: String?

  @Option(
    name: .customLong("stuck-request-timeout"),
    help: ArgumentHelp(
      "Give up a request after this long without progress (default: \(standardTimeout.optionText)).",
      valueName: "duration"),
    transform: Duration.parse)
  var stuckRequestTimeoutOption: Duration?

  @Option(
    name: .customLong("limit-upload"),
    help: ArgumentHelp("Send at most this many KiB a second (default: 0, no limit).", valueName: "rate"))
  var limitUploadOption: Int?

  @Option(
    name: .customLong("limit-download"),
    help: ArgumentHelp("Receive at most this many KiB a second (default: 0, no limit).", valueName: "rate"))
  var limitDownloadOption: Int?

  private var stuckRequestTimeout: Duration { stuckRequestTimeoutOption ?? Self.standardTimeout }
  private var limitUpload: Int { limitUploadOption ?? 0 }
  private var limitDownload: Int { limitDownloadOption ?? 0 }

  func validate() throws {
    guard limitUpload >= 0, limitDownload >= 0, max(limitUpload, limitDownload) <= Int(Int32.max) else {
      throw ValidationError("--limit-upload and --limit-download are numbers of KiB a second")
    }
    guard stuckRequestTimeout >= .seconds(1) else {
      throw ValidationError("--stuck-request-timeout must be at least a second")
    }
  }

  /// The values of options and variables. Reads the files that they name.
  func transport(_ environment: Environment) throws(CommandError) -> TransportOptions {
    var options = TransportOptions()
    // As in restic, both hold a comma-separated list.
    let files = cacert.isEmpty ? environment[.authorities].map { [$0] } ?? [] : cacert
    for file in files.flatMap({ $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }) {
      let certificates = try Self.certificates(in: file, option: "--cacert (RESTIC_CACERT)")
      options.authorities = (options.authorities ?? []) + certificates + [UInt8(ascii: "\n")]
    }
    if let file = tlsClientCert ?? environment[.clientCertificate] {
      options.clientCertificate = try Self.certificates(in: file, option: "--tls-client-cert (RESTIC_TLS_CLIENT_CERT)")
    }
    options.trustsAnyServer = insecureTls
    if let name = httpUserAgent ?? environment[.userAgent] { options.userAgent = name }
    guard options.userAgent.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
      throw CommandError("--http-user-agent contains a control character")
    }
    options.stuckTimeout = stuckRequestTimeout
    options.uploadLimit = limitUpload == 0 ? nil : limitUpload << 10
    options.downloadLimit = limitDownload == 0 ? nil : limitDownload << 10
    options.proxies = environment.proxies
    return options
  }

  private static func certificates(in file: String, option: String) throws(CommandError) -> [UInt8] {
    guard !file.isEmpty else { throw CommandError("\(option) names an empty file") }
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try FileContent.load(FilePath(file))
    } catch {
      throw CommandError("\(option): \(file) cannot be read: \(error)")
    }
    guard String(decoding: bytes, as: UTF8.self).contains("-----BEGIN ") else {
      throw CommandError("\(option): \(file) holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")
    }
    return bytes
  }
}
