import SystemPackage

extension Errno {
  /// The result of `body`, whose calls throw only `Errno`: swift-system documents that, but its types do not say so.
  static func only<Result>(_ body: () throws -> Result) throws(Errno) -> Result {
    do {
      return try body()
    } catch let error as Errno {
      throw error
    } catch {
      preconditionFailure("swift-system threw something other than an Errno: \(error)")
    }
  }
}
