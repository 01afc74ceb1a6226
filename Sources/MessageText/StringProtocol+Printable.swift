extension StringProtocol {
  /// The same text on one line, with `?` in the place of each scalar that a terminal might obey: controls (a newline is one),
  /// invisible format characters, and separators of lines and paragraphs.
  public var printable: String {
    var scalars = String.UnicodeScalarView()
    for scalar in unicodeScalars { scalars.append(scalar.printable) }
    return String(scalars)
  }
}

extension Unicode.Scalar {
  /// The scalar, or `?` where a terminal might obey it.
  var printable: Unicode.Scalar {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: "?"
    default: self
    }
  }
}
