/// A server's answer to one request, as far as it is in one packet.
enum SFTPReply: Hashable, Sendable {
  case status(SFTPStatus)
  case handle(SFTPHandle)
  case names([SFTPName])
  case attributes(SFTPAttributes)
  /// The answer to an extension's request.
  case extended([UInt8])
  /// The request was not sent, because an earlier one failed.
  case skipped

  /// The types of answer packets. A data packet is read piece by piece (`SFTPInput`).
  static let dataType: UInt8 = 103
  private static let statusType: UInt8 = 101
  private static let handleType: UInt8 = 102
  private static let namesType: UInt8 = 104
  private static let attributesType: UInt8 = 105
  private static let extendedType: UInt8 = 201

  /// The size limit of a handle.
  /// Source: draft-ietf-secsh-filexfer-02, 6.2.
  private static let longestHandle = 256
  /// The least size of a name in a folder: two texts and attributes, all empty.
  private static let shortestName = 12

  /// Whether this is a sensible answer to `request`. Success without the requested data is not.
  func answers(_ request: SFTPRequest) -> Bool {
    switch (request, self) {
    case (.open, .handle), (.openFolder, .handle), (.readFolder, .names), (.linkStatus, .attributes),
      (.status, .attributes), (.handleStatus, .attributes), (.fileSystem, .extended), (.limits, .extended):
      true
    case (.open, .status(let status)), (.openFolder, .status(let status)), (.readFolder, .status(let status)),
      (.linkStatus, .status(let status)), (.status, .status(let status)), (.handleStatus, .status(let status)),
      (.fileSystem, .status(let status)), (.limits, .status(let status)), (.read, .status(let status)):
      status.code != .ok
    case (_, .status): true
    default: false
    }
  }

  /// The number of the request that `packet` (without its length) answers, and the answer. Data after the answer in its
  /// packet is ignored.
  static func decode(_ packet: UnsafeRawBufferPointer) throws(SFTPPacketError) -> (id: UInt32, reply: SFTPReply) {
    var reader = SFTPPacketReader(packet)
    let type = try reader.byte()
    let id: UInt32 = try reader.number()
    switch type {
    case statusType:
      return (id, .status(try SFTPStatus(from: &reader)))
    case handleType:
      let bytes = try reader.text()
      guard !bytes.isEmpty, bytes.count <= longestHandle else {
        throw SFTPPacketError("a handle has \(bytes.count) bytes")
      }
      return (id, .handle(SFTPHandle(bytes: [UInt8](bytes))))
    case namesType:
      let count: UInt32 = try reader.number()
      guard Int(count) <= reader.byteCount / shortestName else { throw SFTPPacketError("it cannot hold so many names") }
      var names: [SFTPName] = []
      names.reserveCapacity(Int(count))
      for _ in 0..<count { names.append(try SFTPName(from: &reader)) }
      return (id, .names(names))
    case attributesType:
      return (id, .attributes(try SFTPAttributes(from: &reader)))
    case extendedType:
      return (id, .extended(reader.remainder()))
    default:
      throw SFTPPacketError("an answer of type \(type) is not known")
    }
  }
}

/// An entry of a folder.
struct SFTPName: Hashable, Sendable {
  /// Its name.
  let bytes: [UInt8]
  /// Of the link itself if the entry is one.
  let attributes: SFTPAttributes

  init(bytes: [UInt8], attributes: SFTPAttributes) {
    self.bytes = bytes
    self.attributes = attributes
  }

  init(from reader: inout SFTPPacketReader) throws(SFTPPacketError) {
    bytes = [UInt8](try reader.text())
    // A line as `ls -l` prints it.
    _ = try reader.text()
    attributes = try SFTPAttributes(from: &reader)
  }
}
