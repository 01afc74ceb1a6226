import Platform
import SystemPackage

extension Pipe {
  /// A new pipe.
  static func open() throws(HelperError) -> Pipe {
    do throws(Errno) {
      return try Pipe()
    } catch {
      throw HelperError("no pipe can be made: \(error)")
    }
  }
}
