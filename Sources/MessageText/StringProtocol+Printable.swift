extension StringProtocol {
  /// The same text on one line, with `?` in the place of each scalar that a terminal might obey: controls (a newline is one),
  /// invisible format characters, and separators of lines and paragraphs.
  public var printable: String {
    var scalars = String.UnicodeScalarView()
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append("?")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }
}
