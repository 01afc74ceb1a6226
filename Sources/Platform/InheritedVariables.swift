internal import Glibc

/// The environment variables of this process, used in place: values that may be secret are not copied.
public enum InheritedVariables {
  /// Calls `body` with the variables for a program after `changes`: a new value, or nil to remove a variable.
  public static func with<Result, Failure: Error>(
    _ changes: [String: String?], _ body: (ChildProcess.Variables) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let changed: [UnsafeMutablePointer<CChar>?] = changes.compactMap { name, value in
      value.map { strdup("\(name)=\($0)") }
    }
    defer { for word in changed { free(word) } }
    let words = unchanged(changes) + changed + [nil]
    let memory = ChildProcess.Variables.allocate(capacity: words.count)
    defer { memory.deallocate() }
    memory.initialize(from: words, count: words.count)
    return try body(memory)
  }

  /// The names of the variables that begin with `prefix`.
  public static func names(beginningWith prefix: String) -> [String] {
    var names: [String] = []
    var next = environ
    while let word = next.pointee {
      let name = name(of: word)
      if name.starts(with: prefix.utf8) { names.append(String(decoding: name, as: UTF8.self)) }
      next += 1
    }
    return names
  }

  private static func name(of word: UnsafeMutablePointer<CChar>) -> Slice<UnsafeRawBufferPointer> {
    UnsafeRawBufferPointer(start: word, count: strlen(word)).prefix { $0 != UInt8(ascii: "=") }
  }

  private static func unchanged(_ changes: [String: String?]) -> [UnsafeMutablePointer<CChar>?] {
    var words: [UnsafeMutablePointer<CChar>?] = []
    var next = environ
    while let word = next.pointee {
      if changes[String(decoding: name(of: word), as: UTF8.self)] == nil { words.append(word) }
      next += 1
    }
    return words
  }
}
