internal import Glibc

/// The password in `scheme://user:password@host/`, whatever text stands before the URL.
public enum URLPassword {
  /// `text`, which may contain a URL, with `***` instead of the password.
  public static func hidden(in text: String) -> String {
    text.withCString { bytes in
      guard let place = place(in: bytes) else { return text }
      let all = UnsafeRawBufferPointer(start: bytes, count: strlen(bytes))
      return String(decoding: all[..<place.lowerBound] + Array("***".utf8) + all[place.upperBound...], as: UTF8.self)
    }
  }

  /// Overwrites the passwords in the arguments of this process, which any user can read (ps(1)). Called once the arguments
  /// have been read, while there is one thread.
  public static func hideInArguments() {
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index], let place = place(in: argument) else { continue }
      memset(argument + place.lowerBound, Int32(UInt8(ascii: "*")), place.count)
    }
  }

  /// Where the password is; nil if the text has none.
  private static func place(in text: UnsafePointer<CChar>) -> Range<Int>? {
    guard let separator = strstr(text, "://") else { return nil }
    let authority = UnsafePointer(separator) + 3
    let colon = strcspn(authority, ":/")
    // The last `@`: a password may contain others.
    let at = (0..<strcspn(authority, "/")).last { authority[$0] == CChar(UInt8(ascii: "@")) }
    guard let at, colon < at else { return nil }
    let start = text.distance(to: authority)
    return start + colon + 1..<start + at
  }
}
