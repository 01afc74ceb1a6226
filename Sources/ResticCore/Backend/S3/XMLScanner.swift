internal import CExpat

/// Reads XML from a server as a sequence of elements; libexpat parses it.
///
/// A server is not trusted: elements nest at most 16 deep, there are at most half a million, a text has at most 64 KiB,
/// and a document type (which can define entities) is refused. Attributes are ignored.
enum XMLScanner {
  /// The events, in document order.
  enum Event: Hashable, Sendable {
    /// An element begins. A name that is not ASCII is empty here.
    case begin(String)
    /// An element ends. `text` is its text; if it contains other elements, the text after the last of them.
    case end(String, text: String)
  }

  static let greatestDepth = 16
  static let mostElements = 500_000
  static let longestText = 64 << 10

  /// Calls `take` with the events in `text`. `mayBeCut`: the end may be missing, and the part that is there counts.
  static func scan(
    _ text: UnsafeRawBufferPointer, mayBeCut: Bool = false, _ take: @escaping (Event) -> Void
  ) throws(FormatError) {
    // `take` does not escape; withoutActuallyEscaping would declare that, but would leave the path of this source file
    // in the program.
    if let problem = Scan(take).run(text, mayBeCut: mayBeCut) { throw FormatError("XML: \(problem)") }
  }
}

/// One document that libexpat is parsing.
private final class Scan {
  private let take: (XMLScanner.Event) -> Void
  private var parser: XML_Parser?
  private var depth = 0
  private var elementCount = 0
  private var text: [UInt8] = []
  private var problem: String?

  init(_ take: @escaping (XMLScanner.Event) -> Void) {
    self.take = take
  }

  /// Why `text` is refused; nil if it is not.
  func run(_ text: UnsafeRawBufferPointer, mayBeCut: Bool) -> String? {
    guard let parser = XML_ParserCreate(nil) else { return "no memory" }
    self.parser = parser
    defer {
      XML_ParserFree(parser)
      self.parser = nil
    }
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetElementHandler(parser, beginElement, endElement)
    XML_SetCharacterDataHandler(parser, takeText)
    XML_SetStartDoctypeDeclHandler(parser, refuseDocumentType)
    guard let count = Int32(exactly: text.count) else { return "too long" }
    let start = text.assumingMemoryBound(to: CChar.self).baseAddress
    let status = XML_Parse(parser, start, count, mayBeCut ? 0 : 1)
    if let problem { return problem }
    guard status == XML_STATUS_ERROR else { return nil }
    let code = XML_GetErrorCode(parser)
    return XML_ErrorString(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
  }

  fileprivate func begin(_ name: UnsafePointer<CChar>) {
    guard problem == nil else { return }
    depth += 1
    elementCount += 1
    guard depth <= XMLScanner.greatestDepth else { return stop("elements nest too deep") }
    guard elementCount <= XMLScanner.mostElements else { return stop("too many elements") }
    text.removeAll(keepingCapacity: true)
    take(.begin(Self.ascii(name)))
  }

  fileprivate func end(_ name: UnsafePointer<CChar>) {
    guard problem == nil else { return }
    depth -= 1
    take(.end(Self.ascii(name), text: String(decoding: text, as: UTF8.self)))
    text.removeAll(keepingCapacity: true)
  }

  fileprivate func add(_ piece: UnsafeRawBufferPointer) {
    guard problem == nil else { return }
    guard text.count + piece.count <= XMLScanner.longestText else { return stop("a text is too long") }
    text += piece
  }

  fileprivate func stop(_ problem: String) {
    self.problem = problem
    XML_StopParser(parser, 0)
  }

  /// Text that is compared by bytes: Swift considers some different letters equal.
  private static func ascii(_ name: UnsafePointer<CChar>) -> String {
    let text = String(cString: name)
    return text.utf8.allSatisfy { $0 < 0x80 } ? text : ""
  }
}

private func scan(_ context: UnsafeMutableRawPointer?) -> Scan? {
  context.map { Unmanaged<Scan>.fromOpaque($0).takeUnretainedValue() }
}

/// XML_StartElementHandler.
private func beginElement(
  _ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?,
  _ attributes: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) {
  if let name { scan(context)?.begin(name) }
}

/// XML_EndElementHandler.
private func endElement(_ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?) {
  if let name { scan(context)?.end(name) }
}

/// XML_CharacterDataHandler.
private func takeText(_ context: UnsafeMutableRawPointer?, _ start: UnsafePointer<CChar>?, _ count: Int32) {
  scan(context)?.add(UnsafeRawBufferPointer(start: start, count: Int(count)))
}

/// XML_StartDoctypeDeclHandler.
private func refuseDocumentType(
  _ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<CChar>?, _ systemID: UnsafePointer<CChar>?,
  _ publicID: UnsafePointer<CChar>?, _ hasInternalSubset: Int32
) {
  scan(context)?.stop("it has a document type")
}
