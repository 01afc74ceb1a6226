/// The values of one thing in the three trees of a merge.
struct ThreeWay<Value> {
  /// The value before either side changed it.
  var base: Value
  /// The value in the repository.
  var theirs: Value
  /// The value on this mount.
  var ours: Value

  /// The same of each.
  func map<Result>(_ transform: (Value) throws -> Result) rethrows -> ThreeWay<Result> {
    ThreeWay<Result>(base: try transform(base), theirs: try transform(theirs), ours: try transform(ours))
  }
}

extension ThreeWay: Sendable where Value: Sendable {}
extension ThreeWay: Equatable where Value: Equatable {}
