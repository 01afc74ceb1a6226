/// Spellings of restic's options that ArgumentParser does not know.
enum ResticSpelling {
  private static let verbosity = ["--verbose=", "-v="]
  /// restic knows two levels, this program three.
  private static let highestLevel = 3

  /// `arguments` with `--verbose=2` written as `--verbose --verbose`. What stands behind `--` stays as it is, and so does a
  /// level that is not a number from 0 to 3.
  static func translated(_ arguments: [String]) -> [String] {
    let options = arguments.prefix { $0 != "--" }
    return options.flatMap { verbosityFlags($0) ?? [$0] } + arguments[options.endIndex...]
  }

  private static func verbosityFlags(_ argument: String) -> [String]? {
    guard let prefix = verbosity.first(where: argument.hasPrefix),
      let level = Int(argument.dropFirst(prefix.count)), (0...highestLevel).contains(level)
    else { return nil }
    return Array(repeating: "--verbose", count: level)
  }
}
