/// Spellings of options that ArgumentParser does not know: restic's, and those of options whose value may be left out.
enum ResticSpelling {
  /// Options whose value may be left out: the value then, and whether a text is a value.
  private static let optionalValues: [String: (standard: String, isValue: @Sendable (String) -> Bool)] = [
    "--watch": (WatchInterval.standard.text, { WatchInterval(text: $0) != nil })
  ]

  private static let verbosity = ["--verbose=", "-v="]
  /// restic has two levels, this program three.
  private static let highestLevel = 3

  /// `arguments` with `--verbose=2` written as `--verbose --verbose`, and an option without its optional value with
  /// it: `--watch=2`. Arguments after `--` stay unchanged, and so does a level that is not a number from 0 to 3.
  static func translated(_ arguments: [String]) -> [String] {
    let options = arguments.prefix { $0 != "--" }
    return withValues(Array(options)).flatMap { verbosityFlags($0) ?? [$0] } + arguments[options.endIndex...]
  }

  /// `help`, the text of --help, with brackets around values that may be left out. Columns stay where they are.
  static func shown(inHelp help: String) -> String {
    optionalValues.keys.reduce(help) { help, option in
      var text = ""
      var rest = help[...]
      while let found = rest.firstRange(of: "\(option) <") {
        let start = rest.index(before: found.upperBound)
        guard let end = rest[start...].firstIndex(of: ">") else { break }
        text += rest[..<start] + "[" + rest[start...end] + "]"
        rest = rest[rest.index(after: end)...]
        if rest.hasPrefix("   ") { rest = rest.dropFirst(2) }
      }
      return text + rest
    }
  }

  private static func withValues(_ options: [String]) -> [String] {
    options.enumerated().map { index, option in
      guard let value = optionalValues[option] else { return option }
      let next = index + 1 < options.count ? options[index + 1] : ""
      return value.isValue(next) ? option : "\(option)=\(value.standard)"
    }
  }

  private static func verbosityFlags(_ argument: String) -> [String]? {
    guard let prefix = verbosity.first(where: argument.hasPrefix),
      let level = Int(argument.dropFirst(prefix.count)), (0...highestLevel).contains(level)
    else { return nil }
    return Array(repeating: "--verbose", count: level)
  }
}
