extension StringProtocol {
  /// The same text on one line, with U+FFFD in the place of each scalar that a terminal might obey: controls (a newline is one),
  /// invisible format characters, and separators of lines and paragraphs.
  public var printable: String {
    var scalars = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append("\u{FFFD}")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }
}
