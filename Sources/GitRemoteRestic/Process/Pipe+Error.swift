import Platform
import SystemPackage

extension Pipe {
  /// `count` new pipes; none is left open where there cannot be so many.
  static func open(_ count: Int) throws(HelperError) -> [Pipe] {
    do throws(Errno) {
      return try several(count)
    } catch {
      throw HelperError("cannot create a pipe: \(error)")
    }
  }
}
