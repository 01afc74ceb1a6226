import Glibc

/// Looks for arguments and variables that are not UTF-8. Swift would repair them, and the program would then work on
/// another file than the one that was named.
enum InvalidText {
  /// What a person calls the first argument, or variable that this program reads, that is not UTF-8; nil if all are.
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
