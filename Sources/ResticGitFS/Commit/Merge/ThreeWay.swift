/// One thing in the three trees of a merge.
struct ThreeWay<Value> {
  /// As it was before either side changed it.
  var base: Value
  /// As it is in the repository.
  var theirs: Value
  /// As we have it.
  var ours: Value

  /// The same of each.
  func map<Result>(_ transform: (Value) throws -> Result) rethrows -> ThreeWay<Result> {
    ThreeWay<Result>(base: try transform(base), theirs: try transform(theirs), ours: try transform(ours))
  }
}

extension ThreeWay: Sendable where Value: Sendable {}
extension ThreeWay: Equatable where Value: Equatable {}
