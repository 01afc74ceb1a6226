/// Spellings of restic's options that ArgumentParser does not know.
enum ResticSpelling {
  private static let verbosity = ["--verbose=", "-v="]
  /// restic has two levels, this program three.
  private static let highestLevel = 3

  /// `arguments` with `--verbose=2` written as `--verbose --verbose`, and a `--watch` without a number of seconds as
  /// `--watch=2`. Arguments after `--` stay unchanged, and so does a level that is not a number from 0 to 3.
  static func translated(_ arguments: [String]) -> [String] {
    let options = arguments.prefix { $0 != "--" }
    return watching(Array(options)).flatMap { verbosityFlags($0) ?? [$0] } + arguments[options.endIndex...]
  }

  private static func watching(_ options: [String]) -> [String] {
    options.enumerated().map { index, option in
      guard option == "--watch" else { return option }
      let next = index + 1 < options.count ? options[index + 1] : ""
      return WatchInterval(text: next) == nil ? "\(option)=\(WatchInterval.standard.text)" : option
    }
  }

  private static func verbosityFlags(_ argument: String) -> [String]? {
    guard let prefix = verbosity.first(where: argument.hasPrefix),
      let level = Int(argument.dropFirst(prefix.count)), (0...highestLevel).contains(level)
    else { return nil }
    return Array(repeating: "--verbose", count: level)
  }
}
