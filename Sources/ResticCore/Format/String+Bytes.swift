extension String {
  /// Whether the bytes are equal. Swift's `==` considers NFC and NFD spellings equal; restic and the kernel do not.
  ///
  /// For text that is stored or comes from outside. Names of files and attributes are `Name`s, which compare bytes
  /// themselves.
  public func hasBytes(of other: String) -> Bool {
    utf8.elementsEqual(other.utf8)
  }
}
