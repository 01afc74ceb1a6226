import Glibc

/// Finds arguments and variables that are not UTF-8. Swift would repair them, and the program would then use another
/// file than the named one.
enum InvalidText {
  /// The name of the first argument, or of the first variable of this program, that is not UTF-8; nil if all are UTF-8.
  static func find() -> String? {
    for index in 1..<max(1, Int(CommandLine.argc)) where !isValid(CommandLine.unsafeArgv[index]) {
      return "argument \(index)"
    }
    return Environment.Variable.allCases.first { !isValid(getenv($0.rawValue)) }?.rawValue
  }

  private static func isValid(_ text: UnsafePointer<CChar>?) -> Bool {
    text.map { String(validatingCString: $0) != nil } ?? true
  }
}
