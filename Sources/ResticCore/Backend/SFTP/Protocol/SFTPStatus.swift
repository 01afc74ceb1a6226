/// How a request ended, with the server's message.
struct SFTPStatus: Hashable, Sendable, CustomStringConvertible {
  /// The codes that are interpreted here.
  /// Source: draft-ietf-secsh-filexfer-02, 7, and for those from 11 on -13, 9.1.
  enum Code: UInt32, Sendable {
    case ok = 0
    case endOfFile = 1
    case noSuchFile = 2
    case permissionDenied = 3
    case failure = 4
    case badMessage = 5
    case unsupported = 8
    case alreadyExists = 11
    case writeProtected = 12
    case noSpace = 14
    case quotaExceeded = 15
  }

  /// The server's code; nil if it is unknown.
  let code: Code?
  private let number: UInt32
  /// The beginning of the server's message, printable.
  private let words: String

  static let ok = SFTPStatus(.ok)

  private static let longestWords = 200

  init(_ code: Code) {
    (self.code, number, words) = (code, code.rawValue, "")
  }

  /// Some servers send only a number.
  init(from reader: inout SFTPPacketReader) throws(SFTPPacketError) {
    number = try reader.number()
    code = Code(rawValue: number)
    guard !reader.isAtEnd else {
      words = ""
      return
    }
    words = SFTPStatus.printable(try reader.text().prefix(Self.longestWords))
  }

  /// `bytes` as text, with a space for each control character.
  static func printable(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: bytes.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }, as: UTF8.self)
  }

  /// `status 4, Failure`.
  var description: String { words.isEmpty ? "status \(number)" : "status \(number), \(words)" }
}
