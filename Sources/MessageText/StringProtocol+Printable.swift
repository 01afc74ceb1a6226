extension StringProtocol {
  /// The same text on one line, with `?` instead of each scalar that may control a terminal: control characters (also
  /// newlines), invisible format characters, and separators of lines and paragraphs.
  public var printable: String {
    var scalars = String.UnicodeScalarView()
    for scalar in unicodeScalars { scalars.append(scalar.printable) }
    return String(scalars)
  }
}

extension Unicode.Scalar {
  /// The scalar, or `?` if it may control a terminal.
  var printable: Unicode.Scalar {
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: "?"
    default: self
    }
  }
}
